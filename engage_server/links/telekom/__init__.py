"""Telekom's M2M service portal, as its Connectivity API document 0.89 describes it."""
