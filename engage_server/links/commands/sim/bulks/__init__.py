"""``engage sim plan``, ``set``, ``bulk``, ``tag`` and ``services``: what may be done to many SIMs at once."""
