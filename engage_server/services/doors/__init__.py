"""What pages and commands show of doors: one with all that is known of it, and lists of them."""
