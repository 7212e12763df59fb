"""Builds the request target for forwarding a device's call. The target that the device sent is never reused.

Clients and servers on the way may rewrite a path. They remove dot segments (RFC 3986 section 5.2.4) or decode a second
time. They treat a backslash as a slash, or cut at a semicolon or a number sign. So the path is always one of ours, and
a device can add only one segment, in a form that no rewriting changes. Otherwise a device could choose the address at
the partner's system.
"""

import re
from urllib.parse import quote

_SEGMENT = re.compile(r"(?!\.*$)[A-Za-z0-9._:+-]{1,64}")  # "0", "0x...", or a timestamp in any usual format
_QUERY = "!$&'()*+,;=:@/?-._~%"  # RFC 3986 section 3.4, and "%", which stays encoded as received


def path_with(prefix: str, segment: str) -> str | None:
    """Append one segment to a path; None if the segment could be read as anything else.

    Args:
        prefix: A path that ends with a slash.
        segment: The segment, decoded.
    """
    return prefix + segment if _SEGMENT.fullmatch(segment) else None


def target_of(path: str, query: str) -> str:
    """Join path and query to a request target.

    Args:
        path: One of our paths, or from :func:`path_with`.
        query: The raw query as received. Characters that are not allowed in a query are encoded.
    """
    return f"{path}?{quote(query, safe=_QUERY)}" if query else path
