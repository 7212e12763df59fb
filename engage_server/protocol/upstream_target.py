"""The request target with which a device's call is passed on: built anew, never the one that came.

Clients and servers along the way remove dot segments (RFC 3986 section 5.2.4), decode a second time, take a backslash
for a slash, or cut at a semicolon or a number sign. So a call's path is one of ours, and what a device adds to it is
one segment that nothing of this can change: a device that calls for its database must not choose the partner's address.
"""

import re
from urllib.parse import quote

_SEGMENT = re.compile(r"(?!\.*$)[A-Za-z0-9._:+-]{1,64}")  # "0", "0x...", a timestamp in any usual form
_QUERY = "!$&'()*+,;=:@/?-._~%"  # RFC 3986 section 3.4; and "%": it stays encoded as it came


def path_with(prefix: str, segment: str) -> str | None:
    """A path of one more segment; None for a segment that might be read as anything else.

    Args:
        prefix: Ends with a slash.
        segment: Decoded.
    """
    return prefix + segment if _SEGMENT.fullmatch(segment) else None


def target_of(path: str, query: str) -> str:
    """Path and query, as one request target.

    Args:
        path: One of ours, or from :func:`path_with`.
        query: Raw, as it came; what cannot stand in a query is encoded.
    """
    return f"{path}?{quote(query, safe=_QUERY)}" if query else path
