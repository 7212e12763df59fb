"""Logins: read from files, read from requests, and compared in a time that says nothing about them."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Literal
from urllib.parse import parse_qsl

from werkzeug.exceptions import HTTPException
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from engage_server.errors import SettingsInvalid
from engage_server.links.ingress.call import Call
from engage_server.records import Secret

LoginIn = Literal["basic", "form", "query"]
_MAX_FIELDS = 100
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Presented:
    """A login as a caller presents it.

    Attributes:
        user: The user's name, as bytes.
        password: The password.
    """

    user: bytes
    password: Secret


@dataclass(frozen=True, slots=True)
class _Kept:
    password: bytes
    device: str | None


class Logins:
    """The logins of a slot. Neither a name nor a password stays in memory, only digests under a key of this process.

    Args:
        logins: Device, user and password of each. No device: the login is for all devices of the slot.
    """

    def __init__(self, logins: Sequence[tuple[str | None, bytes, bytes]]) -> None:
        self._key = secrets.token_bytes(32)
        self._kept = {
            self._digest(user): _Kept(self._digest(user + b":" + password), device) for device, user, password in logins
        }
        self._nobody = _Kept(secrets.token_bytes(32), None)

    @property
    def are_of_devices(self) -> bool:
        """Whether each device has its own login."""
        return any(kept.device is not None for kept in self._kept.values())

    def device_of(self, presented: Presented | None) -> tuple[bool, str | None]:
        """Check a login. An unknown user takes as long as a wrong password, and no login at all takes as long, too.

        Returns:
            Whether it is right, and the device that it is for; None for all.
        """
        user, password = (presented.user, presented.password.reveal()) if presented is not None else (b"", b"")
        kept = self._kept.get(self._digest(user), self._nobody)
        is_right = hmac.compare_digest(kept.password, self._digest(user + b":" + password))
        return is_right and presented is not None, kept.device if is_right else None

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)


def read_login(secret: Secret, source: str) -> tuple[str | None, bytes, bytes]:
    """Read ``user:password``. The password may hold further colons.

    Raises:
        SettingsInvalid: It is something else. The text is not repeated.
    """
    user, colon, password = secret.reveal().partition(b":")
    if not colon or not user or not password or b"\n" in secret.reveal():
        raise SettingsInvalid(f"{source} is not one login", "Write one line: user:password")
    return None, user, password


def read_logins(secret: Secret, source: str) -> list[tuple[str | None, bytes, bytes]]:
    """Read lines of ``device:user:password``. Empty lines do not count.

    Raises:
        SettingsInvalid: A line is something else, or a user stands there twice.
    """
    found: list[tuple[str | None, bytes, bytes]] = []
    for number, line in enumerate(secret.reveal().splitlines(), 1):
        if not line.strip():
            continue
        device, _, rest = line.partition(b":")
        user, colon, password = rest.partition(b":")
        if not (device and colon and user and password):
            raise SettingsInvalid(f"{source}: line {number} is not a login", "Write each line: device:user:password")
        if any(user == other for _, other, _ in found):
            raise SettingsInvalid(f"{source}: line {number} has a user that stands there twice", "Rename one of them.")
        found.append((device.decode("utf-8", "replace"), user, password))
    if not found:
        raise SettingsInvalid(f"{source} holds no login", "Write each line: device:user:password")
    return found


def presented_login(call: Call, login_in: LoginIn, fields: tuple[str, str]) -> Presented | None:
    """Return the login of a call. None if there is none, more than one, or one that cannot be read.

    Args:
        call: The call.
        login_in: Where this slot expects it. It is looked for nowhere else.
        fields: The names of the fields with user and password, for a form or a query.
    """
    return _WAYS[login_in](call, fields)


def _basic(call: Call, _fields: tuple[str, str]) -> Presented | None:
    values = call.values("authorization")
    if len(values) != 1:
        return None
    scheme, _, credentials = values[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        content = base64.b64decode(credentials.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = content.partition(b":")
    return Presented(user, Secret(password)) if colon else None


def _query(call: Call, fields: tuple[str, str]) -> Presented | None:
    try:
        pairs = parse_qsl(call.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="surrogateescape")
    except ValueError:
        return None
    return _of_pairs(pairs, fields)


def _form(call: Call, fields: tuple[str, str]) -> Presented | None:
    types = call.values("content-type")
    media, options = parse_options_header(types[0]) if len(types) == 1 else ("", {})
    if media not in _FORM_TYPES:
        return None
    if media == _FORM_TYPES[0]:
        return _urlencoded(call.body, fields)
    return _of_pairs(_multipart(call.body, media, options), fields)


def _urlencoded(body: bytes, fields: tuple[str, str]) -> Presented | None:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="surrogateescape")
    except ValueError:
        return None
    return _of_pairs(pairs, fields)


def _multipart(body: bytes, media: str, options: Mapping[str, str]) -> list[tuple[str, str]]:
    parser = FormDataParser(
        _in_memory,
        max_form_memory_size=len(body),
        max_form_parts=_MAX_FIELDS,
        silent=False,
    )
    try:
        _, form, _ = parser.parse(BytesIO(body), media, len(body), dict(options))
    except (ValueError, HTTPException):
        return []
    return [(name, value) for name, values in form.lists() for value in values]


def _in_memory(*_about: object, **_more: object) -> BytesIO:
    """Where the files of a form go. Nothing of them is needed, and nothing goes to the disk."""
    return BytesIO()


def _of_pairs(pairs: Sequence[tuple[str, str]], fields: tuple[str, str]) -> Presented | None:
    users, passwords = ([value for name, value in pairs if name == field] for field in fields)
    if len(users) != 1 or len(passwords) != 1:
        return None
    return Presented(_octets(users[0]), Secret(_octets(passwords[0])))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_WAYS: Mapping[LoginIn, Callable[[Call, tuple[str, str]], Presented | None]] = {
    "basic": _basic,
    "form": _form,
    "query": _query,
}
