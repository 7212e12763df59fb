"""Queries on the tables of people and tokens."""
