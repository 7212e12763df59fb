"""What the firewall of a site must allow, in neutral rules and for nftables, and how other rules differ from it."""
