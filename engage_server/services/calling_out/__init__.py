"""Calls to the systems of others: each ends in time, whatever they do."""
