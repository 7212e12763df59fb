"""Announced changes, and the moment at which all workers begin to serve each."""
