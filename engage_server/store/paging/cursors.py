"""Cursors: where a page begins, as a text that is opaque to callers.

A cursor holds the key of the last row of a page. It fits one question only. A digest covers the list's name, the
filters and the key. So a cursor that was cut, changed, or made for another list is found. It is no proof of a
permission: anyone who makes one by hand gets rows that they may read anyway.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from engage_server.errors import UsageError

Key = tuple[int | str, ...]

_LONGEST = 1024  # characters; the longest key holds the words of a label
_DIGEST_BYTES = 12
_HIGHEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Question:
    """What a walk over pages asks: the same for all its pages.

    Attributes:
        name: The list.
        filters: Everything that selects its rows, as text.
        kinds: The types of the key's parts.
    """

    name: str
    filters: tuple[str, ...]
    kinds: tuple[type[int] | type[str], ...]


def cursor_of(question: Question, key: Key) -> str:
    """Return the cursor of the page that follows a row with this key."""
    content = json.dumps(key, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_digest(question, content) + content).rstrip(b"=").decode()


def key_of(question: Question, cursor: str | None) -> Key | None:
    """Return the key in a cursor. None for the first page.

    Raises:
        UsageError: It is no cursor of this question.
    """
    if cursor is None:
        return None
    content = _content(question, cursor)
    try:
        key = json.loads(content)
    except (ValueError, RecursionError):
        raise invalid() from None
    if not isinstance(key, list) or not _fits(key, question.kinds):
        raise invalid()
    return tuple(key)


def _content(question: Question, cursor: str) -> bytes:
    if not 0 < len(cursor) <= _LONGEST or not cursor.isascii():
        raise invalid()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid() from None
    digest, content = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if digest != _digest(question, content):
        raise invalid()
    return content


def _fits(key: Sequence[object], kinds: Sequence[type[int] | type[str]]) -> bool:
    if len(key) != len(kinds):
        return False
    return all(
        type(part) is kind and (not isinstance(part, int) or abs(part) <= _HIGHEST)
        for part, kind in zip(key, kinds, strict=True)
    )


def _digest(question: Question, content: bytes) -> bytes:
    asked = json.dumps([question.name, *question.filters]).encode()
    return hashlib.sha256(asked + b"\n" + content).digest()[:_DIGEST_BYTES]


def invalid() -> UsageError:
    """Return the error about a cursor that cannot be used."""
    return UsageError(
        "the cursor of the page cannot be used: it was changed, or belongs to another list",
        "Use the cursor exactly as the page before gave it, with the same filters. Or begin again without a cursor.",
        code="cursor.invalid",
    )
