"""Uploads on their way from this host: the spool, and who takes them out of it."""
