"""How much of this host's disk devices may fill, what they fill now, and what is reserved for operators."""
