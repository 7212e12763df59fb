"""How much of this host's disk devices may use, how much they use now, and what is reserved for operators."""
