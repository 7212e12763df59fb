"""Writes JSON in parts, so that a report of ten thousand targets is never in memory as a whole."""

import json
from collections.abc import Iterable, Iterator


def indented(value: object, *, depth: int = 0) -> str:
    """Write a value as JSON, indented for a place ``depth`` levels deep in a larger value."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * depth)


def separated(elements: Iterable[str]) -> Iterator[str]:
    """Separate the elements of an array two levels deep: one on each line, with commas."""
    for number, element in enumerate(elements):
        yield (",\n    " if number else "\n    ") + element
