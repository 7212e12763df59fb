"""What cannot wait for the morning: what lasts, and what happened."""
