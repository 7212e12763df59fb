"""Certificates that are made here: an authority, its renewals, and a rehearsal of both."""
