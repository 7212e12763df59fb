"""From what on a device is in trouble: the numbers that the diagnosis and the database's sieve both read."""

from datetime import timedelta

# Downloads, notices or refusals in a row without a finished handshake. One of each belongs to every new anchor.
AGAIN_AND_AGAIN = 2

# How long something is worth a look that did not lock the device out: an audit's word about its connections, and a
# question by plain HTTP after an accepted chain.
RECENT_TROUBLE = timedelta(days=7)
