"""Serial numbers as devices send them: Base64 of the 16 raw bytes, in a query string that few parsers get right."""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

SERIAL_BYTES = 16

_PARAMETER = "serialnumber"
_MAX_QUERY_CHARACTERS = 4096  # nothing that a device sends comes near; do not parse what an attacker makes longer


def serial_from_query(query: str) -> str | None:
    """The serial number in a notice request's raw query string, or None if there is none to be read.

    Never raises: missing, extra, repeated or undecodable parameters are no reason to refuse a device its answer.
    Of several serial numbers the first that can be read counts.

    Args:
        query: The raw query string, without the question mark, still percent-encoded.

    Returns:
        32 upper-case hexadecimal digits.
    """
    for value in _values(query[:_MAX_QUERY_CHARACTERS]):
        serial = decode_serial(value)
        if serial is not None:
            return serial
    return None


def _values(query: str) -> Iterator[str]:
    for pair in re.split("[&;]", query):
        name, _, value = pair.partition("=")  # the first "=" alone: the padding is sent unescaped
        if unquote_plus(name).lower() == _PARAMETER:
            yield unquote_plus(value)


def decode_serial(text: str) -> str | None:
    """Decode one serial number, or None.

    Standard and URL-safe alphabets, with or without padding, and spaces where a query parser ate a ``+``; 32
    hexadecimal digits too, which cannot be mistaken for the 22 to 24 characters of Base64.
    """
    compact = text.strip("\r\n\t").replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    if re.fullmatch("[0-9A-Fa-f]{32}", compact):
        return compact.upper()
    try:
        raw = base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex().upper() if len(raw) == SERIAL_BYTES else None


def encode_serial(serial: str) -> str:
    """The form that devices send: padded standard Base64 of the bytes.

    Args:
        serial: 32 hexadecimal digits.

    Raises:
        ValueError: Anything else.
    """
    raw = bytes.fromhex(serial)
    if len(raw) != SERIAL_BYTES:
        raise ValueError(f"a serial number has {SERIAL_BYTES} bytes, not {len(raw)}")
    return base64.b64encode(raw).decode("ascii")
