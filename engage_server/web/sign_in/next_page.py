"""Where somebody goes after signing in: to the page that they asked for, if it is one of ours, else to the first page.

The parameter comes from an address, which anybody may have written. So it is read as strictly as a path can be:

1. It begins with one slash, so it names no other host.
2. It has visible ASCII characters alone, and no backslash, which browsers read as a slash.
3. It is not too long for a cookie.
4. It leads to no page that people sign in or out on.
"""

import re
from urllib.parse import urlencode

HOME, SIGN_IN = "/", "/sign-in"
FIELD = "next"
_PATH = re.compile(r"/(?!/)[!-\[\]-~]{0,999}", re.ASCII)  # all that is visible, but no backslash
_NOT_AGAIN = re.compile(r"/sign-(?:in|out)(?![\w-])", re.ASCII)


def read_next(text: str | None) -> str:
    """The path that was asked for. :data:`HOME` if it is none that anybody may be led to."""
    if not text or not _PATH.fullmatch(text) or _NOT_AGAIN.match(text):
        return HOME
    return text


def with_next(path: str, next_page: str, **other: str) -> str:
    """A path on which people sign in, with the page that they go to afterwards."""
    query = {**other, **({FIELD: next_page} if next_page != HOME else {})}
    return f"{path}?{urlencode(query)}" if query else path
