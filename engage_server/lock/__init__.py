"""The virtual lock: a client that behaves as a device does, and refuses what a device refuses.

It shares only ``protocol/`` with the serving side. A mistake in shared code would go unnoticed.
"""
