"""Whether a host does what devices need: a table of requirements, each tried by a request or a handshake."""
