"""JSON to and from devices: read leniently, written in one form, stored without secrets."""

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
FILE_DEPTH = MAX_DEPTH + 4  # for our own files, which contain a received body some levels down

# Names, in lower case and without punctuation, under which devices may send the secret of the building's Wi-Fi. The
# real name is not published. To remove too much does little harm.
_SECRET = re.compile(r"passw(or)?d|passphrase|pwd|psk|presharedkey|wepkey|wpakey|wifikey|networkkey|secret|privatekey")

# Matches a string or a comma at the start of a list, which are kept; or a trailing comma, which is removed. A string
# without an end matches up to the end, so that no byte is read twice.
_TRAILING = re.compile(rb'(?P<kept>"(?:[^"\\]|\\.)*+"?|[\[{][ \t\r\n]*+,)|,(?=[ \t\r\n]*+[\]}])', re.DOTALL)


def read_json(body: bytes, max_depth: int = MAX_DEPTH, *, strict: bool = False) -> Json:
    """Read a JSON body.

    Args:
        body: UTF-8, with or without a byte order mark.
        max_depth: How deep values may be nested. Use :data:`FILE_DEPTH` for a file that we may have written.
        strict: Whether to reject what devices may read in different ways. This is an object with a duplicate name (RFC
            8259 section 4), or one half of a surrogate pair (section 8.2).

    Raises:
        BodyInvalid: It is not JSON, is nested too deep, or contains a number that is not finite. The message never
            quotes the body.
    """
    try:
        value = _loaded(body.decode("utf-8-sig"), _names_once if strict else None)
    except _NameTwice:
        raise BodyInvalid("an object in the body has a duplicate name", "Send each name once.") from None
    except (ValueError, RecursionError):
        raise BodyInvalid("the body is not JSON", "Send one JSON value in UTF-8.") from None
    assert_depth(value, max_depth)
    if strict:
        _assert_text(value)
    return value


def read_device_json(body: bytes, max_depth: int = MAX_DEPTH) -> Json:
    """Read JSON from a device, like :func:`read_json`, but allow trailing commas in lists and objects.

    The vendor's examples of device bodies have such commas, so firmware may send them.

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
    """Write compact ASCII. Members keep their order."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def write_pretty_json(value: Json) -> bytes:
    """Write indented ASCII for a file that people read. Members keep their order."""
    return json.dumps(value, indent=1).encode("ascii") + b"\n"


@lru_cache(maxsize=2048)
def quoted(text: str | None) -> str:
    """A string as JSON, cached because the same few strings are in most log lines."""
    return json.dumps(text)


def content_digest(value: Json) -> str:
    """A name for a value by its content, independent of the order of members: 32 hexadecimal digits of SHA-256."""
    canonical = json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")
    return hashlib.sha256(canonical).hexdigest()[:32]


def without_secrets(value: Json) -> Json:
    """The value without any passwords, at any depth. It is the same object if there are none."""
    if isinstance(value, dict):
        kept = {name: without_secrets(child) for name, child in value.items() if not _is_secret(name)}
        same = len(kept) == len(value) and all(kept[name] is value[name] for name in kept)
        return value if same else kept
    if isinstance(value, list):
        children = [without_secrets(child) for child in value]
        return value if all(a is b for a, b in zip(children, value, strict=True)) else children
    return value


def assert_depth(value: Json, max_depth: int) -> None:
    """Check that a value is not nested too deep to be read again.

    Raises:
        BodyInvalid: It is nested too deep.
    """
    if not max_depth:
        raise BodyInvalid("the body is nested too deep", f"Nest values at most {MAX_DEPTH} levels deep.")
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            assert_depth(child, max_depth - 1)


def _assert_text(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BodyInvalid(
            "a string in the body is no text: it holds one half of a surrogate pair", "Send text in UTF-8."
        ) from None


def _is_secret(name: str) -> bool:
    return _SECRET.search(re.sub("[^a-z0-9]", "", name.lower())) is not None


def _loaded(text: str, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None) -> Json:
    value: Json = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=pairs)
    return value


class _NameTwice(ValueError):
    """An object has a duplicate name."""


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
        raise ValueError("a number that is not finite")
    return number
