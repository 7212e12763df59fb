"""Addresses that hold a secret: of a one-time link, where it belongs, or of a token, where it does not.

Proxies, browsers and logs keep addresses. So no address may hold a token, and our own log shows no such address.
"""

import re
from urllib.parse import unquote

from engage_server.web.sign_in.secret_paths import SECRET_PATHS

_TOKEN = re.compile(r"engage_[0-9a-f]{12}_", re.ASCII | re.IGNORECASE)  # its beginning: a cut-off one counts, too
_HIDDEN_LINK, _HIDDEN_TOKEN = "/sign-in/***", "/***"


def holds_token(address: str) -> bool:
    """Whether a path or a query, percent-encoded or not, holds a token of another system."""
    return _TOKEN.search(unquote(address)) is not None


def shown_path(endpoint: str, path: str) -> str:
    """Return the path as the log may have it.

    Args:
        endpoint: Of the app's URL map.
        path: As it was received.
    """
    if endpoint in SECRET_PATHS:
        return _HIDDEN_LINK
    return _HIDDEN_TOKEN if holds_token(path) else path
