"""``engage link policy``: what the firewall of a site must allow."""
