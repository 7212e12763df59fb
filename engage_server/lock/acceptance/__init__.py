"""Decides whether a device accepts a chain: by the device's own rules and by OpenSSL's validation."""
