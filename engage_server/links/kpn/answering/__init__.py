"""Answers calls of KPN and of devices: who is proven, what becomes an event, what waits for the device."""
