"""JSON Pointers (RFC 6901): where a value stands in a document. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MISSING: Final = object()
_ARRAY_INDEX = re.compile("0|[1-9][0-9]{0,8}")
_ESCAPE = re.compile("~(?![01])")


def pointer_complaint(pointer: str) -> str:
    """Say why a text is no JSON Pointer. "" if it is one."""
    if pointer and not pointer.startswith("/"):
        return "a JSON Pointer begins with '/'"
    return "in a JSON Pointer, '~' is written '~0'" if _ESCAPE.search(pointer) else ""


def parts_of(pointer: str) -> list[str]:
    """Return the unescaped parts. [] for "", which is the whole document."""
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]]


def pointer_of(parts: Iterable[str]) -> str:
    """Return the pointer with these parts."""
    return "".join("/" + each.replace("~", "~0").replace("/", "~1") for each in parts)


def found_at(document: object, pointer: str) -> Any:
    """Return the value at a pointer. :data:`MISSING` if there is none, whatever the document is."""
    for part in parts_of(pointer):
        if isinstance(document, Mapping):
            document = document.get(part, MISSING)
        elif isinstance(document, Sequence) and not isinstance(document, str | bytes) and _ARRAY_INDEX.fullmatch(part):
            document = document[int(part)] if int(part) < len(document) else MISSING
        else:
            return MISSING
    return document


def put_at(document: dict[str, Any], pointer: str, value: object) -> None:
    """Put a value into nested objects, and make those that are missing. The pointer has one part or more.

    Raises:
        ValueError: Something else than an object is in the way.
    """
    *above, last = parts_of(pointer)
    for part in above:
        document = document.setdefault(part, {})
        if not isinstance(document, dict):
            raise ValueError(f"{part} is no object")
    document[last] = value
