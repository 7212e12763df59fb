"""Devices on KPN SIMs, and messages to them."""

from typing import Any

from engage_server.records import Downlink, DownlinkStatus, KpnDevice


def kpn_device_json(device: KpnDevice, site: str | None, *, check_digit: bool) -> dict[str, Any]:
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
        "sim_type": device.sim_type.value,
        "proven": device.sealed_secret is not None,
        "imei_check_digit": check_digit,
        "added_at": device.added_at.isoformat(),
    }


def downlink_json(downlink: Downlink, status: DownlinkStatus) -> dict[str, Any]:
    """A message to a device.

    Args:
        downlink: As it is stored.
        status: Where it stands now: an SMS fails by the clock alone.
    """
    return {
        "downlink": downlink.number,
        "imei": downlink.imei,
        "channel": downlink.channel.value,
        "status": status.value,
        "content": downlink.content,
        "queued_at": downlink.queued_at.isoformat(),
        "changed_at": downlink.changed_at.isoformat(),
    }
