"""The limits from which on a device is in trouble: for the diagnosis and for the database's filter."""

from datetime import timedelta

# Downloads, notices or refusals in a row without a finished handshake. Each new anchor causes one of each.
AGAIN_AND_AGAIN = 2

# How long an event matters that did not lock the device out: an audit's report about its connections, and a request by
# plain HTTP after an accepted chain.
RECENT_TROUBLE = timedelta(days=7)
