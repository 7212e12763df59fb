"""Alerts: what people must know, when, and by which channel."""
