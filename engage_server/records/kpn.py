"""Devices on KPN SIMs that report straight to us, and messages to them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SimType(StrEnum):
    """Only M2M+ takes SMS (KPN Things, "SMS downlink communication")."""

    M2M = "m2m"
    M2M_PLUS = "m2m+"


class DownlinkStatus(StrEnum):
    """Where a message to a device stands. Values are stored: never rename one. KPN names EXECUTING and FAILED."""

    QUEUED = "queued"
    EXECUTING = "executing"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DownlinkChannel(StrEnum):
    """How a message reaches the device."""

    HTTP = "http"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class KpnDevice:
    """A registered device.

    Attributes:
        imei: 15 digits. The key.
        link: The link in ``links.toml`` that it belongs to.
        iccid, msisdn, rate_plan: As the operator gave them; "" if not given.
        sim_type: Of its SIM.
        sealed_secret: Its shared secret, sealed under the key of the links. None: it is accepted only from the link's
            private network, and shown as unproven.
        added_at: Aware, UTC.
    """

    imei: str
    link: str
    iccid: str
    msisdn: str
    rate_plan: str
    sim_type: SimType
    sealed_secret: bytes | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Downlink:
    """A message to a device.

    Attributes:
        number: Given by the store; 0 before.
        imei: The device.
        channel: How it is sent.
        content: SenML as JSON text.
        status: Where it stands. At most one of a device and channel is executing.
        queued_at, changed_at: Aware, UTC.
    """

    number: int
    imei: str
    channel: DownlinkChannel
    content: str
    status: DownlinkStatus
    queued_at: datetime
    changed_at: datetime
