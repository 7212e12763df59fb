"""The mark of a virtual lock, which keeps a test from counting as one of the building's doors.

The mark does no harm: a marked call is no evidence, and earlier evidence of the same serial number stays.
"""

HEADER = "X-Engage-Virtual-Lock"  # in every request
ALPN = b"engage-virtual-lock"  # in every ClientHello (RFC 7301), because a failed handshake has no request
ALPN_PROTOCOLS = (ALPN, b"http/1.1")  # with a usual protocol for hosts that need to choose one
