"""Queries on the tables of the links."""
