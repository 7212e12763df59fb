"""How long the body of a request may be, by its path. A body is read before anybody knows who sends it."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from engage_server.web.api.dispatch import BASE
from engage_server.web.api.route import Route

_PARAMETER = re.compile(r"{\w+}")


def body_limit(bodies: Iterable[tuple[str, int]], usual: int) -> Callable[[str], int]:
    """Return a function that gives the most bytes of a body that may be sent to a path.

    Args:
        bodies: Paths, with their parameters in braces, and the most bytes that each reads.
        usual: The most bytes for any other path, and the least for these. Another method of the same path may read
            more than the one that is asked for. So who reads a body checks once more.
    """
    longer = [(_pattern(path), most) for path, most in bodies if most > usual]

    def limit(path: str) -> int:
        readable = unquote(path)
        return max((most for pattern, most in longer if pattern.fullmatch(readable)), default=usual)

    return limit


def bodies_of(routes: Sequence[Route[Any, Any, Any]]) -> list[tuple[str, int]]:
    """The paths of the API, and the most bytes that each reads."""
    return [(BASE + route.path, route.body_bytes) for route in routes]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(map(re.escape, _PARAMETER.split(path))))
