"""Devices on KPN SIMs that report straight to us, and messages to them."""
