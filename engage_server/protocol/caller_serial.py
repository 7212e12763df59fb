"""Finds the serial number of a calling device: in the body, the query or the token of a call-in.

The protocol notes do not say where it is, so every place is tried, the most reliable one first.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engage_server.protocol.device_token import token_in
from engage_server.protocol.json_body import Json
from engage_server.protocol.serial_number import decode_serial, serial_from_query

# names in lower case, without punctuation
_NAMES = {
    "serialnumber",
    "serialnum",
    "serialno",
    "serial",
    "deviceserialnumber",
    "deviceserial",
    "lockserialnumber",
    "mainserialnumber",
    "sn",
}
_LEVELS = 3
_MAX_TOKEN_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class CallerClaims:
    """What a call claims about its caller outside the body. None of it is proof.

    Attributes:
        asked: The serial number in the query; None if there is none.
        by_token: The serial number in the token; None if there is none. A random token can look like one.
        token: A token that could prove the identity of the caller; "" if there is none.
    """

    asked: str | None
    by_token: str | None
    token: str = field(repr=False)


def caller_claims(query: str, authorization: str) -> CallerClaims:
    """Read the query and the ``Authorization`` header of a call. Both may contain anything. Never raises."""
    return CallerClaims(serial_from_query(query), serial_from_authorization(authorization), token_in(authorization))


def serial_from_body(body: Json) -> str | None:
    """The serial number in a body, at the top or up to two levels below; None if there is none.

    Returns:
        32 upper-case hexadecimal digits.
    """
    return next(_serials(body, _LEVELS), None)


def serial_from_authorization(value: str) -> str | None:
    """A possible serial number in ``Authorization: Device {token}``: the token, or the part before a colon.

    A token of 16 random bytes looks like one, too. Use the result only if the device is already known.

    Args:
        value: The value of the header; may be anything.
    """
    scheme, _, token = value.strip()[:_MAX_TOKEN_CHARACTERS].partition(" ")
    if scheme.lower() != "device":
        return None
    for text in (token.strip(), _decoded(token.strip())):
        for part in (text, text.partition(":")[0]):
            serial = decode_serial(part)
            if serial is not None:
                return serial
    return None


def _serials(value: Json, levels: int) -> Iterator[str]:
    if not isinstance(value, dict) or not levels:
        return
    for name, child in value.items():
        if isinstance(child, str) and re.sub("[^a-z]", "", name.lower()) in _NAMES:
            serial = decode_serial(child)
            if serial is not None:
                yield serial
    for child in value.values():
        yield from _serials(child, levels - 1)


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
