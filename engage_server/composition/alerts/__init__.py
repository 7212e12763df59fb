"""Builds what writes alerts and sends them."""
