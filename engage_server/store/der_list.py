"""Several DER values one after another in one column. Each begins with its own length (ITU-T X.690 section 8.1.3)."""

from collections.abc import Sequence

_LONG_FORM = 0x80


def joined(values: Sequence[bytes]) -> bytes:
    """Join the values into one."""
    return b"".join(values)


def split(content: bytes) -> tuple[bytes, ...]:
    """Split what :func:`joined` made. If the end is cut off, the last value holds the rest, for a parser to report."""
    found = []
    while content:
        end = _end_of_first(content)
        found.append(content[:end])
        content = content[end:]
    return tuple(found)


def _end_of_first(content: bytes) -> int:
    """Return the offset after tag, length and value. No certificate begins with a tag of more than one byte."""
    if len(content) < 2:
        return len(content)
    short, begin = content[1], 2
    if short < _LONG_FORM:
        return begin + short
    octets = short - _LONG_FORM
    return begin + octets + int.from_bytes(content[begin : begin + octets])
