"""How many ways a pattern may try. Python's engine tries one after the other, without a limit. Pure."""

import importlib
import warnings
from functools import lru_cache
from typing import Any, Final

# The only reader of Python's patterns. It has no public name; Hypothesis uses it so, too.
_parser: Final[Any] = importlib.import_module("re._parser")
MANY: Final = 10**9  # and all that is more
_LONGEST: Final = 2_000  # characters of a pattern: reading it costs time, too
_DOUBLINGS: Final = 64  # more of them are always too many
_ONE_CHARACTER: Final = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN", "RANGE", "CATEGORY"))
_ONE_WAY: Final = _ONE_CHARACTER | {"AT", "GROUPREF"}
_REPEATS: Final = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))


def most_ways(pattern: str, length: int) -> int:
    """Return how many ways a search tries at most before it fails. :data:`MANY` where that is not known.

    Args:
        pattern: As Python reads it.
        length: Of the text.

    Raises:
        re.error: Python cannot read it.
    """
    if len(pattern) > _LONGEST:
        return MANY
    try:
        tree = _tree(pattern)
        is_anchored = (
            bool(tree) and str(tree[0][0]) == "AT" and str(tree[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        )
        return min(MANY, _ways(tree, length) * (1 if is_anchored else length + 1))
    except (RecursionError, OverflowError, FutureWarning):
        return MANY


@lru_cache(maxsize=256)
def _tree(pattern: str) -> list[tuple[Any, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # of what Python will read as something else: it is not run
        return list(_parser.parse(pattern))


def _ways(tree: Any, length: int) -> int:
    """Those of a sequence: each way of one part is tried with each way of the others."""
    found = 1
    for kind, argument in tree:
        found = min(MANY, found * _ways_of(str(kind), argument, length))
    return found


def _ways_of(kind: str, argument: Any, length: int) -> int:
    if kind in _ONE_WAY:
        return 1
    if kind in _REPEATS:
        return _ways_repeated(argument, length)
    if kind == "BRANCH":
        return sum(_ways(each, length) for each in argument[1])
    if kind == "SUBPATTERN":
        return _ways(argument[3], length)
    if kind in ("ASSERT", "ASSERT_NOT"):
        return _ways(argument[1], length)
    return _ways(argument, length) if kind == "ATOMIC_GROUP" else MANY


def _ways_repeated(argument: tuple[int, int, Any], length: int) -> int:
    least, most, inner = argument
    each = _ways(inner, length)
    most = min(int(most), max(least, length))
    if len(inner) == 1 and str(inner[0][0]) in _ONE_CHARACTER:
        return max(1, most - least + 1)
    if each == 1:
        return most + 1  # what is repeated may be empty, so its length does not end it
    if most > _DOUBLINGS:
        return MANY
    found: int = sum(each**count for count in range(least, most + 1))
    return min(MANY, found)
