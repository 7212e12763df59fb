"""What the firewall of a site must allow, as rules; as nftables; and compared with the rules that somebody has."""
