"""How long the body of a request may be, by its path. A body is read before anybody knows who sends it."""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from engage_server.web.api.dispatch import BASE
from engage_server.web.api.route import Route

_PARAMETER = re.compile(r"{\w+}")


def body_limit(routes: Sequence[Route[Any, Any, Any]], usual: int) -> Callable[[str], int]:
    """Return a function that gives the most bytes of a body that may be sent to a path.

    Args:
        routes: The table.
        usual: The most bytes for any other path, and the least for those of the table. Another method of the same path
            may read more than the one that is asked for. So the route checks once more.
    """
    longer = [(_pattern(route.path), route.body_bytes) for route in routes if route.body_bytes > usual]

    def limit(path: str) -> int:
        readable = unquote(path)
        return max((most for pattern, most in longer if pattern.fullmatch(readable)), default=usual)

    return limit


def _pattern(path: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(BASE + path)
    return re.compile("[^/]+".join(map(re.escape, parts)))
