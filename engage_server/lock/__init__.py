"""The virtual lock: a client that does what a device does, and refuses what a device refuses.

It shares nothing with the serving side but ``protocol/``: what both got wrong the same way would go unseen.
"""
