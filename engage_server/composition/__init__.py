"""Builds the store and the services, and connects them. Only this package does. It imports services at first use."""
