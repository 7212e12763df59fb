"""A device that is known by its serial number, and what devices may still ask for by an old address."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class StaticCertificate:
    """A certificate that the vendor's sample gave, and that goes on being given at the same address.

    Attributes:
        site: Whose it is.
        name: The last part of the path below ``/static/Device_Certificates/``.
        der: The certificate.
    """

    site: str
    name: str
    der: bytes = field(repr=False)
