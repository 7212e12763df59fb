"""What travels between a device and its host. Pure: no clock, no file, no network.

Shared by the serving side and the virtual lock, and by nothing else that the two have in common.
"""
