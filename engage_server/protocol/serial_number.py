"""Serial numbers as devices send them: Base64 of 16 bytes, in a query string that most parsers misread."""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

SERIAL_BYTES = 16

_PARAMETER = "serialnumber"
_MAX_QUERY_CHARACTERS = 4096  # devices send far less; a longer query from an attacker is cut off


def serial_from_query(query: str) -> str | None:
    """The serial number in the raw query string of a notice request; None if there is none that can be read.

    Never raises: a device gets its answer despite missing, extra, repeated or unreadable parameters. If there are
    several serial numbers, the first readable one counts.

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
        name, _, value = pair.partition("=")  # only the first "=": the padding is sent unescaped
        if unquote_plus(name).lower() == _PARAMETER:
            yield unquote_plus(value)


def decode_serial(text: str) -> str | None:
    """Decode one serial number; None if it is not one.

    Accepts the standard and the URL-safe alphabet, with or without padding, and spaces where a query parser replaced a
    ``+``. Also accepts 32 hexadecimal digits: their length cannot be confused with the 22 to 24 characters of Base64.
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
    """Encode a serial number as devices send it: padded standard Base64 of its bytes.

    Args:
        serial: 32 hexadecimal digits.

    Raises:
        ValueError: It is not 32 hexadecimal digits.
    """
    raw = bytes.fromhex(serial)
    if len(raw) != SERIAL_BYTES:
        raise ValueError(f"a serial number has {SERIAL_BYTES} bytes, not {len(raw)}")
    return base64.b64encode(raw).decode("ascii")
