"""Alerts: what people are told, when, and by which channel."""
