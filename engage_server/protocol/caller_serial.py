"""Whose call it is: a call-in says so in its body, its query, or its token, and nobody publishes where.

The protocol notes say nothing of it, so every place is looked at, in the order of how sure it is.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from engage_server.protocol.device_token import token_in
from engage_server.protocol.json_body import Json
from engage_server.protocol.serial_number import decode_serial, serial_from_query

# names without punctuation, in lower case
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
    """What a call says of its caller outside its body. None of it is proof.

    Attributes:
        asked: The serial number in its query; None for none.
        by_token: What its token reads as; None for no serial number. It may be one by chance.
        token: A token that could prove who calls; "" for none.
    """

    asked: str | None
    by_token: str | None
    token: str = field(repr=False)


def caller_claims(query: str, authorization: str) -> CallerClaims:
    """Read a call's query and its ``Authorization`` field, once. Both may be anything; never raises."""
    return CallerClaims(serial_from_query(query), serial_from_authorization(authorization), token_in(authorization))


def serial_from_body(body: Json) -> str | None:
    """The serial number that a body tells, at the top or a little below; None if there is none to be read.

    Returns:
        32 upper-case hexadecimal digits.
    """
    return next(_serials(body, _LEVELS), None)


def serial_from_authorization(value: str) -> str | None:
    """What may be a serial number in ``Authorization: Device {token}``: the token, or its part before a colon.

    A token that is 16 random bytes reads as one, too: who asks must know the device already.

    Args:
        value: The header field's value; may be anything.
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
