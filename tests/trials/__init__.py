"""Trials of many nodes: each part of an installation in its own network namespace, and what happens when one fails."""
