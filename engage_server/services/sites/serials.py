"""Parses serial numbers as operators write them."""

from engage_server.errors import UsageError
from engage_server.protocol.serial_number import decode_serial


def read_serial(text: str) -> str:
    """A serial number as 32 upper-case hexadecimal digits.

    Args:
        text: 32 hexadecimal digits, or Base64 as devices send it.

    Raises:
        UsageError: It is not a serial number.
    """
    decoded = decode_serial(text)
    if decoded is None:
        raise UsageError(
            f"{text[:80]!r} is not a serial number",
            "Give the 16 bytes as 32 hexadecimal digits, or as the Base64 that the device sends.",
            code="serial.invalid",
        )
    return decoded
