"""Several DER values one after the other in one column: each says its own length (ITU-T X.690 section 8.1.3)."""

from collections.abc import Sequence

_LONG_FORM = 0x80


def joined(values: Sequence[bytes]) -> bytes:
    """The values as one."""
    return b"".join(values)


def split(content: bytes) -> tuple[bytes, ...]:
    """The values that :func:`joined` was given. A rest that is cut off is the last one, for whoever parses it."""
    found = []
    while content:
        end = _end_of_first(content)
        found.append(content[:end])
        content = content[end:]
    return tuple(found)


def _end_of_first(content: bytes) -> int:
    """Behind tag, length and value. Tags of more than one octet stand in front of no certificate."""
    if len(content) < 2:
        return len(content)
    short, begin = content[1], 2
    if short < _LONG_FORM:
        return begin + short
    octets = short - _LONG_FORM
    return begin + octets + int.from_bytes(content[begin : begin + octets])
