"""Sites, and how they answer call-ins."""

from typing import Annotated

from engage_server.as_json.formats import Format, Instant, Shape
from engage_server.records import AnchorRole, CallIn, CallInWay, RequiredEvidence, Site, UnknownDevices


class UpstreamJson(Shape):
    """The access-control system that a site's calls go to."""

    url: Annotated[str, Format("uri")]
    """Stands in front of each device's own path. It never holds a password."""
    timeout_seconds: float
    """The time limit of one whole call, in seconds."""
    own_trust: bool
    """Whether its certificate is checked against the site's own list. Otherwise this host's list is used."""


class CallInJson(Shape):
    """How a site answers the nightly calls of its devices."""

    call_in: CallInWay
    """``files``: this host answers from each device's files. ``upstream``: the access-control system answers.
    ``shared``: each host answers from its copy of the files that all hosts share."""
    insecure_call_in: bool
    """Whether calls by plain HTTP are answered, too. Then anyone on the way can change who may open which door."""
    unknown_devices: UnknownDevices
    """What happens to a device on no list: ``refuse`` answers 404, ``enroll`` puts it on the list."""
    upstream: UpstreamJson | None
    """It may be set although the site answers from files. Null: it was never set."""


class SiteJson(CallInJson):
    """A site: devices that share one site key, and the hosts that they call. The key is never in it."""

    site: str
    """The name of the site: letters, digits, ``-`` and ``_``."""
    name: str
    """The same as ``site``."""
    title: str
    """What people call the site, such as ``Depot Nord``. Empty for none."""
    time_zone: str
    """Where it is, as the IANA names time zones, such as ``Europe/Berlin``. It is ``UTC`` unless somebody set it."""
    default: bool
    """Whether it answers requests that name no site. Exactly one site does."""
    hosts: list[str]
    """The host names or addresses that its devices call. The first is the main one."""
    anchor: AnchorRole
    """Which certificate of the chain its devices are given as their trust anchor."""
    device_networks: list[str]
    """The networks, in CIDR form, that its devices may call from. Empty: from anywhere."""
    local_addresses: list[str]
    """Addresses of this host that its devices call without naming the site."""
    evidence: RequiredEvidence
    """What counts in a rotation: ``any`` finished handshake, or only ``authenticated`` ones, with a token."""
    for_trials: bool
    """Whether it was made for trials. Only then do virtual locks count."""
    approvals: int
    """How many persons must approve a step that can cut devices off, besides the one who started: 0 or 1."""
    current_release: int | None
    """The number of the release that it serves. Null before the first activation."""
    created_at: Instant
    """When it was added."""


def site_json(of: Site, current: int | None) -> SiteJson:
    """A site; never its key.

    Args:
        of: The site.
        current: The release that it serves; None for none.
    """
    return {
        "site": of.name,
        "name": of.name,
        "title": of.title,
        "time_zone": of.time_zone,
        "default": of.is_default,
        "hosts": [host.text for host in of.hosts],
        "anchor": of.anchor,
        "device_networks": [str(network) for network in of.device_networks],
        "local_addresses": list(of.local_addresses),
        "evidence": of.evidence,
        "for_trials": of.for_trials,
        "approvals": of.approvals,
        "current_release": current,
        **call_in_json(of.call_in),
        "created_at": of.created_at.isoformat(),
    }


def call_in_json(call_in: CallIn) -> CallInJson:
    """How a site answers call-ins."""
    upstream = call_in.upstream
    return {
        "call_in": call_in.way,
        "insecure_call_in": call_in.insecure,
        "unknown_devices": call_in.unknown,
        "upstream": None
        if upstream is None
        else {
            "url": upstream.url,
            "timeout_seconds": upstream.timeout_seconds,
            "own_trust": bool(upstream.trust_pem),
        },
    }
