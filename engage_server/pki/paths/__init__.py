"""Builds a path from certificates in any order, and checks it against RFC 5280."""
