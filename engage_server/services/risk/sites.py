"""Judges what concerns a whole site, and which step of its rotation may come tonight. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from engage_server.records import Rotation, RotationState
from engage_server.services.releases.expiry import Expiry
from engage_server.services.risk.doors import is_served
from engage_server.services.risk.kinds import (
    CERTIFICATE_ENDS_TONIGHT,
    EVIDENCE_MISSING,
    PATH_CUT,
    PATH_DEGRADED,
    PATH_WAS_CUT,
    RENEWAL_LATE,
    RENEWAL_SOON,
    ROTATION_WAITS,
)
from engage_server.services.risk.known import NO_DOORS, Risk, SilentDoors, SiteKnown
from engage_server.services.site_path.standing import PathState
from engage_server.services.site_path.words import mend_of, sentence_after, sentence_of

_TIME = "%Y-%m-%d %H:%M"


def site_risks(known: SiteKnown, silent: SilentDoors = NO_DOORS, *, is_complete: bool = True) -> tuple[Risk, ...]:
    """What concerns the whole site, the worst first.

    Args:
        known: What is known of the site.
        silent: The doors that the path explains: see :func:`.doors.silent_by_path`.
        is_complete: Whether all doors were judged, so that these are all.
    """
    found = [
        *_of_path(known, silent, is_complete=is_complete),
        *_of_certificates(known),
        *_of_renewals(known),
        *_of_rotation(known),
        *_of_gaps(known),
    ]
    return tuple(sorted(found, key=lambda risk: risk.order))


def next_step_tonight(rotation: Rotation | None, now: datetime, until: datetime) -> int | None:
    """The release that an open rotation may serve before the night ends; None if no step may come.

    Whether the evidence allows it is not asked: doors may come through until then.

    Args:
        rotation: The site's open rotation, if there is one.
        now: The time, timezone-aware.
        until: The end of the night.
    """
    if rotation is None or rotation.state not in (RotationState.RUNNING, RotationState.WAITING):
        return None
    if rotation.step and rotation.policy.asks and not rotation.approved:
        return None
    left = timedelta(hours=rotation.policy.soak_hours) - timedelta(seconds=rotation.soaked_seconds)
    if rotation.step and not rotation.approved and now + left > until:
        return None
    return rotation.next_release


def _of_path(known: SiteKnown, silent: SilentDoors, *, is_complete: bool) -> Iterator[Risk]:
    title, path = known.title or known.site, known.path
    if path.state is PathState.CUT:
        why = sentence_of(path, title, silent.excused, is_complete=is_complete)
        yield Risk(PATH_CUT, why, mend_of(path, known.site), silent=silent.excused)
        return
    if path.state is PathState.DEGRADED:
        why = sentence_of(path, title, silent.unsure, is_complete=is_complete)
        yield Risk(PATH_DEGRADED, why, mend_of(path, known.site), silent=silent.unsure)
    if known.cut is not None and known.cut.cut.until is not None and silent.excused:
        why = sentence_after(known.cut.cut.until, title, silent.excused, is_complete=is_complete)
        yield Risk(
            PATH_WAS_CUT, why, "Wait for a night. Doors that do not come then are listed.", silent=silent.excused
        )


def _of_rotation(known: SiteKnown) -> Iterator[Risk]:
    rotation = known.rotation
    if rotation is not None and rotation.state is RotationState.HELD:
        yield Risk(
            ROTATION_WAITS,
            f"rotation {rotation.number} is paused: {rotation.why or 'a person has to decide'}",
            f"Approve the step, go back, or wait: engage rotate status --site {known.site}",
        )


def _of_renewals(known: SiteKnown) -> Iterator[Risk]:
    """As ``engage status`` says it. What ends tonight is said as that."""
    for end, urgency in known.urgencies.items():
        if _ends_tonight(known, end):
            continue
        is_late = urgency in ("late", "expired")
        ends = f"the {end.role} certificate {'ended' if urgency == 'expired' else 'ends'} {end.not_after:{_TIME}} UTC"
        if known.rotation is not None:
            mend = f"A rotation is open. See how far it is: engage rotate status --site {known.site}"
        else:
            mend = f"Renew it {'now' if is_late else 'within a month'}: engage rotate plan --site {known.site}"
        if is_late:
            yield Risk(RENEWAL_LATE, f"{ends}. Too few days are left for all doors to call", mend)
        else:
            yield Risk(RENEWAL_SOON, f"{ends}. Its last safe day to start is within a month", mend)


def _ends_tonight(known: SiteKnown, end: Expiry) -> bool:
    return end.not_after < known.until and (is_served(end) or end.role == "root")


def _of_certificates(known: SiteKnown) -> Iterator[Risk]:
    for end in known.ends:
        if _ends_tonight(known, end):
            when = f"{'ended' if end.not_after <= known.now else 'ends'} {end.not_after:%Y-%m-%d %H:%M} UTC"
            yield Risk(
                CERTIFICATE_ENDS_TONIGHT,
                f"the {end.role} certificate {when}: no door accepts it after that",
                f"Renew it now: engage rotate plan --site {known.site}",
            )


def _of_gaps(known: SiteKnown) -> Iterator[Risk]:
    for gap in known.gaps:
        yield Risk(
            EVIDENCE_MISSING,
            gap,
            "See what each host does: engage host list. A door that is listed here may have come through there",
        )
