"""A device with its serial number, and a certificate that devices may still request at an old address."""

from dataclasses import dataclass, field
from datetime import datetime

from engage_server.records.label import NO_LABEL, DeviceLabel


@dataclass(frozen=True, slots=True)
class Device:
    """One lock, reader or gateway.

    Attributes:
        serial: 32 upper-case hexadecimal digits: the 16 raw bytes.
        site: The name of the site that it belongs to.
        added_at: Aware, UTC.
        label: What people call it.
    """

    serial: str
    site: str
    added_at: datetime
    label: DeviceLabel = NO_LABEL


@dataclass(frozen=True, slots=True)
class StaticCertificate:
    """A certificate that the vendor's sample served. It is still served at the same address.

    Attributes:
        site: The site's name.
        name: The last part of the path below ``/static/Device_Certificates/``.
        der: The certificate.
    """

    site: str
    name: str
    der: bytes = field(repr=False)
