"""A set of serial numbers with 16 bytes each: a site may have a million devices, and every worker holds them all."""

from bisect import bisect_left
from collections.abc import Iterable

from engage_server.protocol.serial_number import SERIAL_BYTES


class SerialSet:
    """An immutable set of serial numbers.

    Args:
        serials: 32 hexadecimal digits each.
    """

    def __init__(self, serials: Iterable[str] = ()) -> None:
        self._bytes = b"".join(sorted({bytes.fromhex(serial) for serial in serials}))

    def __len__(self) -> int:
        return len(self._bytes) // SERIAL_BYTES

    def __contains__(self, serial: str) -> bool:
        wanted = bytes.fromhex(serial)
        place = bisect_left(range(len(self)), wanted, key=self._at)
        return place < len(self) and self._at(place) == wanted

    def _at(self, place: int) -> bytes:
        return self._bytes[place * SERIAL_BYTES : (place + 1) * SERIAL_BYTES]
