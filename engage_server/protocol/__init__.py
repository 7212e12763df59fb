"""The messages between a device and its host. Pure: no clock, no file, no network.

The serving side and the virtual lock both use it. It is the only code that they share.
"""
