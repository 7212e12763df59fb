"""Begins to serve a change at the moment that all workers have agreed on."""
