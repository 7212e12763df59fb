"""How a virtual lock says that it is none of the building's doors: so that no trial counts as a door.

The mark takes nothing away: a visit with it is worth nothing, and what was known of a serial number before stays.
"""

HEADER = "X-Engage-Virtual-Lock"  # in each request
ALPN = b"engage-virtual-lock"  # in each ClientHello (RFC 7301), because a handshake that fails has no request
ALPN_PROTOCOLS = (ALPN, b"http/1.1")  # a host that chooses one has one to choose
