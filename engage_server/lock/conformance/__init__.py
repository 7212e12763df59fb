"""Checks that a host does what devices need: a table of requirements, each tested by a request or a handshake."""
