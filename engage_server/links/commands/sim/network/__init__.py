"""``engage sim rule``, ``nat``, ``ipsec`` and ``route``: what a network lets through to SIMs."""
