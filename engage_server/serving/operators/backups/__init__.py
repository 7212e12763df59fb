"""The nightly backup and its drill: one host's operators' instance starts a process that does them."""
