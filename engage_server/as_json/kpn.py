"""Devices on KPN SIMs, and messages to them."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.records import Downlink, DownlinkChannel, DownlinkStatus, KpnDevice, SimType


class KpnDeviceJson(Shape):
    """A device on a KPN SIM. Its secret is never in it."""

    imei: str
    """15 digits."""
    link: str
    """The link in ``links.toml`` that it belongs to."""
    site: str | None
    """The name of the site that the link leads to. Null: the link is no longer in ``links.toml``."""
    iccid: str
    """The number of the SIM. Empty: not given."""
    msisdn: str
    """The telephone number of the SIM. Empty: not given."""
    rate_plan: str
    """As the operator gave it. Empty: not given."""
    sim_type: SimType
    """Only ``m2m+`` receives SMS."""
    proven: bool
    """Whether it has a secret to prove itself with."""
    imei_check_digit: bool
    """Whether the last digit of its IMEI is correct."""
    added_at: Instant
    """When it was added."""


class DownlinkJson(Shape):
    """A message to a device."""

    downlink: int
    """Its number."""
    imei: str
    """The device's IMEI."""
    channel: DownlinkChannel
    """How it is sent."""
    status: DownlinkStatus
    """Where it stands now. An SMS fails by the clock alone."""
    content: str
    """SenML as JSON, in a text."""
    queued_at: Instant
    """When it was queued."""
    changed_at: Instant
    """When its stored status last changed."""


def kpn_device_json(device: KpnDevice, site: str | None, *, check_digit: bool) -> KpnDeviceJson:
    """A device; never its secret.

    Args:
        device: The device.
        site: The site that its link leads to; None if the link is no longer in ``links.toml``.
        check_digit: Whether the last digit of its IMEI is right.
    """
    return {
        "imei": device.imei,
        "link": device.link,
        "site": site,
        "iccid": device.iccid,
        "msisdn": device.msisdn,
        "rate_plan": device.rate_plan,
        "sim_type": device.sim_type,
        "proven": device.sealed_secret is not None,
        "imei_check_digit": check_digit,
        "added_at": device.added_at.isoformat(),
    }


def downlink_json(downlink: Downlink, status: DownlinkStatus) -> DownlinkJson:
    """A message to a device.

    Args:
        downlink: As it is stored.
        status: Where it stands now: an SMS fails by the clock alone.
    """
    return {
        "downlink": downlink.number,
        "imei": downlink.imei,
        "channel": downlink.channel,
        "status": status,
        "content": downlink.content,
        "queued_at": downlink.queued_at.isoformat(),
        "changed_at": downlink.changed_at.isoformat(),
    }
