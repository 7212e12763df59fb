"""JSON between devices and us: read leniently, written the same way every time, kept without secrets."""

import hashlib
import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

from engage_server.errors import BodyInvalid

Json = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_DEPTH = 32  # devices nest four or five deep
FILE_DEPTH = MAX_DEPTH + 4  # of our own files: what came stands some levels down in them

# Names, without punctuation and in lower case, under which devices may tell what opens the building's WiFi. Nobody
# publishes the true one; what is taken out by mistake was a secret's neighbour at most.
_SECRET = re.compile(r"passw(or)?d|passphrase|pwd|psk|presharedkey|wepkey|wpakey|wifikey|networkkey|secret|privatekey")

# A text, or a comma that nothing comes before, which are kept; or a comma that nothing follows. A text without end is
# taken to the end: no octet is read twice.
_TRAILING = re.compile(rb'(?P<kept>"(?:[^"\\]|\\.)*+"?|[\[{][ \t\r\n]*+,)|,(?=[ \t\r\n]*+[\]}])', re.DOTALL)


def read_json(body: bytes, max_depth: int = MAX_DEPTH, *, names_once: bool = False) -> Json:
    """Read a body.

    Args:
        body: UTF-8, with or without a byte order mark.
        max_depth: :data:`FILE_DEPTH` for a file that we may have written.
        names_once: Refuse an object that holds a name twice: of what goes on to a device nobody knows which value it
            would take (RFC 8259 section 4).

    Raises:
        BodyInvalid: It is no JSON, or one that cannot be kept: a number without end, nested too deep. The sentence
            repeats nothing of it.
    """
    try:
        value = _loaded(body.decode("utf-8-sig"), _names_once if names_once else None)
    except _NameTwice:
        raise BodyInvalid("an object in the body holds a name twice", "Send each name once.") from None
    except (ValueError, RecursionError):
        raise BodyInvalid("the body is not JSON", "Send one JSON value, as UTF-8.") from None
    assert_depth(value, max_depth)
    return value


def read_device_json(body: bytes, max_depth: int = MAX_DEPTH) -> Json:
    """Read what a device sent: as :func:`read_json`, and with commas behind the last child of a list or an object.

    The vendor prints its examples of device bodies with such commas, so firmware may send them.

    Raises:
        BodyInvalid: As :func:`read_json`.
    """
    try:
        return read_json(body, max_depth)
    except BodyInvalid:
        shorter = _TRAILING.sub(lambda found: found["kept"] or b"", body)
        if shorter == body:
            raise
        return read_json(shorter, max_depth)


def write_json(value: Json) -> bytes:
    """Compact ASCII; the order of children as it is."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def write_pretty_json(value: Json) -> bytes:
    """For a file that people read; the order of children as it is."""
    return json.dumps(value, indent=1).encode("ascii") + b"\n"


@lru_cache(maxsize=2048)
def quoted(text: str | None) -> str:
    """A text as JSON, for lines that are written often: the same few texts stand in most of them."""
    return json.dumps(text)


def content_digest(value: Json) -> str:
    """Names a value by its content, whatever the order of its children: 32 hexadecimal digits of SHA-256."""
    canonical = json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")
    return hashlib.sha256(canonical).hexdigest()[:32]


def without_secrets(value: Json) -> Json:
    """A value without the passwords in it, wherever they stand; the very same object if there are none."""
    if isinstance(value, dict):
        kept = {name: without_secrets(child) for name, child in value.items() if not _is_secret(name)}
        same = len(kept) == len(value) and all(kept[name] is value[name] for name in kept)
        return value if same else kept
    if isinstance(value, list):
        children = [without_secrets(child) for child in value]
        return value if all(a is b for a, b in zip(children, value, strict=True)) else children
    return value


def assert_depth(value: Json, max_depth: int) -> None:
    """Hold a value against the depth to which it could be read again.

    Raises:
        BodyInvalid: It is nested deeper.
    """
    if not max_depth:
        raise BodyInvalid("the body is nested too deep", f"Nest at most {MAX_DEPTH} deep.")
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            assert_depth(child, max_depth - 1)


def _is_secret(name: str) -> bool:
    return _SECRET.search(re.sub("[^a-z0-9]", "", name.lower())) is not None


def _loaded(text: str, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None) -> Json:
    value: Json = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=pairs)
    return value


class _NameTwice(ValueError):
    """An object holds a name twice."""


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NameTwice
    return found


def _refuse_constant(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number without end")
    return number
