"""A device that is known by its serial number."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Device:
    """One lock, reader or gateway.

    Attributes:
        serial: 32 upper-case hexadecimal digits: the 16 raw bytes.
        site: The name of the site that it belongs to.
        added_at: Aware, UTC.
    """

    serial: str
    site: str
    added_at: datetime
