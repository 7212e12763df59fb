"""A site: the devices that share one site key and the hosts that they call."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from engage_server.records.address import IPNetwork
from engage_server.records.call_in import CallIn
from engage_server.records.host import Host


class AnchorRole(StrEnum):
    """Which certificate of the chain a site distributes as its devices' trust anchor.

    The vendor's pages disagree. ``ROOT`` works with every device, ``INTERMEDIATE`` only with devices that accept a
    partial chain.
    """

    ROOT = "root"
    INTERMEDIATE = "intermediate"


class RequiredEvidence(StrEnum):
    """The evidence of a device that counts in a rotation. Values are stored."""

    ANY = "any"  # a finished handshake from its usual address
    AUTHENTICATED = "authenticated"  # only a connection on which it proved itself with a token


@dataclass(frozen=True, slots=True)
class Site:
    """One site, without its key: the store returns the key separately, and only on request.

    Attributes:
        name: Unique; letters, digits, ``-`` and ``_``.
        hosts: At least one. The first is put into ``cert_url`` for devices that used none of them.
        anchor: Which certificate its devices are given.
        is_default: Whether it answers requests that name no site. True for exactly one site of an installation.
        device_networks: Where its devices may call from. Empty means anywhere.
        created_at: Aware, UTC.
        local_addresses: Addresses of this host that its devices call without naming the site: no server name, no Host
            that any site claims. Hosts that are addresses count anyway.
        call_in: How its devices' nightly calls are answered.
        evidence: What counts in its rotations.
        approvals: How many persons besides the one who started a rotation must approve a step that can cut devices
            off: 0 or 1.
        title: What people call it, such as ``Depot Nord``. "" for none.
        time_zone: Where it is, as the IANA names time zones. Nights are those of this zone where people read them.
        for_trials: Whether it was made for trials. Only then do visits of virtual locks count. Never changed.
    """

    name: str
    hosts: tuple[Host, ...]
    anchor: AnchorRole
    is_default: bool
    device_networks: tuple[IPNetwork, ...]
    created_at: datetime
    local_addresses: tuple[str, ...] = ()
    call_in: CallIn = field(default_factory=CallIn)
    evidence: RequiredEvidence = RequiredEvidence.ANY
    for_trials: bool = False
    approvals: int = 0
    title: str = ""
    time_zone: str = "UTC"


def zone_of(site: Site) -> tzinfo:
    """The time zone of a site: its nights are those of people there."""
    from zoneinfo import ZoneInfo  # late: few commands need it

    return UTC if site.time_zone == "UTC" else ZoneInfo(site.time_zone)


def night_of(at: datetime, zone: tzinfo) -> date:
    """The day on which the night of this time began. Nights go from noon to noon, by the clock on the wall.

    A night in which the clocks change is one night, too.

    Args:
        at: The time, timezone-aware.
        zone: The time zone of the site.
    """
    return (at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=12)).date()


def night_begins(night: date, zone: tzinfo) -> datetime:
    """When the night that begins on this day begins, as UTC. The night before ends then."""
    return datetime.combine(night, time(12), tzinfo=zone).astimezone(UTC)
