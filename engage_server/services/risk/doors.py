"""Judges doors: which are at risk tonight, why, and what to do. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from engage_server.records import DeviceHistory
from engage_server.services.evidence.diagnosis import (
    BEHIND_PATH,
    OPEN_PORT_80,
    Diagnosis,
    answered_by_another_site,
    diagnose,
    elsewhere_unnamed,
    fetches_nothing,
)
from engage_server.services.evidence.usual_address import expected_call
from engage_server.services.releases.expiry import Expiry
from engage_server.services.risk.kinds import (
    ANCHOR_ENDS,
    CERTIFICATE_ENDS,
    NEVER_SEEN,
    OF_DIAGNOSIS,
    OTHER_HOST,
    REFUSES_NEXT,
    REFUSES_SERVED,
    SILENT,
)
from engage_server.services.risk.known import DoorAtRisk, Prospect, Risk, SilentDoors, SiteKnown, SiteTonight
from engage_server.services.site_path.standing import PathState
from engage_server.store.interface import MetReleases

_NOTHING_KNOWN = Prospect()


def met_by(device: DeviceHistory) -> MetReleases:
    """The releases that a device met last, which say what anchors it may hold."""
    return device.fetched_release, device.finished_release, device.certificates > 0


def doors_at_risk(
    known: SiteKnown, seen: Iterable[DeviceHistory], unseen: Mapping[str, str] | None = None
) -> tuple[DoorAtRisk, ...]:
    """The doors at risk, the worst first. The order of what is given makes no difference.

    Args:
        known: What is known of the site.
        seen: What is known of its doors. Each is given once.
        unseen: The doors on its list that it never saw, each with the other site that answered it, "" for none.
    """
    found = [door for each in seen if (door := _door(known, each)) is not None]
    found += [_unseen(known.site, serial, other) for serial, other in (unseen or {}).items()]
    return tuple(sorted(found, key=lambda door: door.order))


def silent_by_path(known: SiteKnown, seen: Iterable[DeviceHistory]) -> SilentDoors:
    """How many doors are silent because the path to the site is or was cut, or may be because it is degraded."""
    if known.gaps or (known.cut is None and known.path.state is not PathState.DEGRADED):
        return SilentDoors()
    found = [(each.due_at, diagnosis) for each in seen if (diagnosis := _diagnosis(known, each)) is not None]
    excused = sum(diagnosis.key == BEHIND_PATH for _, diagnosis in found)
    if known.path.state is not PathState.DEGRADED:
        return SilentDoors(excused)
    since = known.path.since
    others = [due_at for due_at, diagnosis in found if diagnosis.code == "silent" and diagnosis.key != BEHIND_PATH]
    return SilentDoors(excused, sum(since is None or due_at >= since for due_at in others))


def _diagnosis(known: SiteKnown, device: DeviceHistory) -> Diagnosis | None:
    return diagnose(device, known.now, known.hosts, known.shared_addresses, known.cut)


def _door(known: SiteKnown, device: DeviceHistory) -> DoorAtRisk | None:
    by_code = {risk.kind.code: risk for risk in _risks(known, device)}
    if not by_code:
        return None
    risks = tuple(sorted(by_code.values(), key=lambda risk: risk.order))
    return DoorAtRisk(known.site, device.identity, device, risks)


def _unseen(site: str, serial: str, other: str) -> DoorAtRisk:
    if other:
        return DoorAtRisk(site, serial, None, (_of(answered_by_another_site(serial, site, other)),), other_site=other)
    risk = Risk(
        NEVER_SEEN,
        "it is on the list, and no call of it was ever seen",
        "Check that it is commissioned for a host of this site and has network: 'update from server' in the "
        f"vendor's app makes it call. If it does not exist: engage device remove {serial} --site {site}",
    )
    return DoorAtRisk(site, serial, None, (risk,))


def told_to(found: SiteTonight, may_see: Callable[[str], bool]) -> SiteTonight:
    """The same, for somebody who may see some sites only: another one is not named.

    Args:
        found: What is at risk at a site.
        may_see: Whether they may see a site, by its name.
    """
    return replace(found, doors=tuple(_told_to(door, may_see) for door in found.doors))


def _told_to(door: DoorAtRisk, may_see: Callable[[str], bool]) -> DoorAtRisk:
    if not door.other_site or may_see(door.other_site):
        return door
    return replace(door, risks=(_of(elsewhere_unnamed(door.site)),), other_site="")


def _of(diagnosis: Diagnosis) -> Risk:
    return Risk(OF_DIAGNOSIS[diagnosis.code], diagnosis.cause, diagnosis.mend, diagnosis.key)


def _risks(known: SiteKnown, device: DeviceHistory) -> Iterator[Risk]:
    yield from _of_diagnosis(known, device)
    yield from _of_host(known, device)
    yield from _of_anchors(known, device)
    yield from _of_certificates(known, device)


def _of_diagnosis(known: SiteKnown, device: DeviceHistory) -> Iterator[Risk]:
    diagnosis = _diagnosis(known, device)
    if diagnosis is None or diagnosis.key == BEHIND_PATH:
        return
    kind = OF_DIAGNOSIS[diagnosis.code]
    if kind is SILENT and known.gaps:
        return
    yield Risk(kind, diagnosis.cause, _with_command(diagnosis.mend, device), diagnosis.key)


def _of_host(known: SiteKnown, device: DeviceHistory) -> Iterator[Risk]:
    """The same rule as for the hosts of ``engage status``: who accepts what is served is left out."""
    if not device.host or not known.hosts or device.host in known.hosts or not device.finished_release:
        return
    if device.finished_release != known.served:
        yield Risk(
            OTHER_HOST,
            f"it calls {device.host}, which site {known.site} does not have",
            f"Let it call {known.hosts[0]}. Or add this host to the site (engage site change) and rotate.",
        )


def _of_anchors(known: SiteKnown, device: DeviceHistory) -> Iterator[Risk]:
    prospect = known.prospects.get(met_by(device), _NOTHING_KNOWN)
    if known.served and prospect.refuses_served:
        yield _of_served(known, device, is_for_good=prospect.refuses_for_good)
    if known.next_release is not None and prospect.refuses_next:
        yield Risk(
            REFUSES_NEXT,
            f"release {known.next_release} may be served tonight, and it would refuse it with the anchor that it holds",
            f"See who else would, and wait if they are too many: engage rotate status --site {known.site}",
        )
    ends = prospect.anchor_ends
    if ends is not None and ends < _call_by(known, device):
        yield Risk(
            ANCHOR_ENDS,
            f"the anchor that it holds {_ends(ends, known.now)}, before its next call",
            "Make it call before: 'update from server' in the vendor's app. Plan a new root: engage rotate plan "
            f"--site {known.site}",
        )


def _of_served(known: SiteKnown, device: DeviceHistory, *, is_for_good: bool) -> Risk:
    accepted = f"it accepted release {device.finished_release} last, and would refuse release {known.served}"
    if is_for_good:
        why = f"{accepted}. It would refuse it with its anchor, too: it does not come back while that is served"
        mend = f"Serve a release that it accepts: engage release list --site {known.site}"
        return Risk(REFUSES_SERVED, why, mend, "for_good")
    if fetches_nothing(device):
        why = f"{accepted}. It had time to fetch the anchor, and did not: it does not come back by itself"
        mend = f"{OPEN_PORT_80} Then press 'update from server' in the vendor's app."
        return Risk(REFUSES_SERVED, why, _with_command(mend, device), "stuck")
    if device.refusals:
        why = f"{accepted}. It has failed TLS already. It comes back when it has fetched the anchor by plain HTTP"
    else:
        why = f"{accepted}. It fails TLS once, fetches the anchor by plain HTTP, and comes back"
    return Risk(
        REFUSES_SERVED, why, _with_command("Check that port 80 is open to it. See whether it came back:", device)
    )


def _of_certificates(known: SiteKnown, device: DeviceHistory) -> Iterator[Risk]:
    """Those that end tonight concern all doors, and are said once for the site."""
    first = min((each for each in known.ends if is_served(each)), key=lambda each: each.not_after, default=None)
    if first is not None and known.until <= first.not_after < _call_by(known, device):
        yield Risk(
            CERTIFICATE_ENDS,
            f"the {first.role} certificate {_ends(first.not_after, known.now)}, before its next call",
            f"Renew it before then: engage rotate plan --site {known.site}",
        )


def is_served(end: Expiry) -> bool:
    """Whether it is the end of a certificate without which no door accepts the chain; a link only helps some."""
    return end.role == "server" or end.role.startswith("intermediate")


def _call_by(known: SiteKnown, device: DeviceHistory) -> datetime:
    """When its next call is over: tonight, unless its habit says later."""
    return max(known.until, expected_call(device))


def _ends(end: datetime, now: datetime) -> str:
    return f"{'ended' if end <= now else 'ends'} {end:%Y-%m-%d %H:%M} UTC"


def _with_command(mend: str, device: DeviceHistory) -> str:
    return mend if "engage " in mend else f"{mend} engage device show {device.identity}"
