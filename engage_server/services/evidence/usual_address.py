"""Tracks the usual address of each device, and sightings elsewhere. Pure: times and addresses come from sightings.

A serial number is not secret: anyone who has read one can send it, from any address. So each device has a home, the
address that it usually calls from. A sighting elsewhere proves nothing. The plan, by the address of a sighting:

1. The first address where a device is seen becomes its home.
2. At home, the sighting is evidence. Earlier sightings elsewhere no longer count towards a move (:func:`at_home`).
3. Elsewhere, only the ``away_*`` fields change (:func:`elsewhere`). The device has moved on the third night there, if
   its home was silent since the first of them and its habit is missed. So a new DHCP lease needs no operator.
4. Home and elsewhere alternately on three nights: contested. Neither proves anything until one of them has been silent
   for three nights of the other. Otherwise anyone who sends a serial number before its device calls would be its home.
5. A token that proves the device makes the address that it came from its home at once (:func:`settled`).
"""

from datetime import datetime, timedelta

from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting, SightingKind
from engage_server.records.history import changed

# "Once in 24 h, usually between 00:00 and 04:00": the protocol notes, section 5
USUAL_SILENCE = timedelta(days=1)
NIGHTS_OF_A_HABIT = 3  # with fewer there is no habit
_ONE_VISIT = timedelta(minutes=10)  # within this time a device may show one token several times, from one address
_SHORTEST_PATIENCE = timedelta(hours=36)
PATIENCE_BEYOND = timedelta(hours=12)


def patience(first_seen: datetime, last_seen: datetime, nights: int) -> timedelta:
    """How long a device may be silent before it has missed its own habit: twice its usual gap, plus half a day."""
    usual = (last_seen - first_seen) / (nights - 1) if nights >= NIGHTS_OF_A_HABIT else USUAL_SILENCE
    return max(_SHORTEST_PATIENCE, 2 * usual + PATIENCE_BEYOND)


def expected_call(known: DeviceHistory) -> datetime:
    """When a device should call next, by its habit: half of what it may be silent, without the half day beyond.

    A device that calls more often than twice a day is expected half a day after its last call.
    """
    return known.last_seen + (known.due_at - known.last_seen - PATIENCE_BEYOND) / 2


def newcomer(site: str, identity: str, at: datetime) -> DeviceHistory:
    """The history of a device that was just seen for the first time. It has no home yet."""
    return DeviceHistory(site, identity, first_seen=at, last_seen=at, nights=0, due_at=at + patience(at, at, 1))


def is_finished(sighting: Sighting) -> bool:
    """Whether the device checked and accepted a chain. A resumed session checks none: it only shows life."""
    return sighting.kind is SightingKind.HANDSHAKE_FINISHED and not sighting.resumed


def is_later_day(at: datetime, before: datetime | None) -> bool:
    """Whether a time is on a later day (UTC) than another one, or there is no other one."""
    return before is None or at.date() > before.date()


def at_home(known: DeviceHistory, address: str, at: datetime) -> DeviceHistory:
    """Record a contact from the usual address. If there is none yet, this one becomes it."""
    last = max(known.last_seen, at)
    nights = known.nights + (not known.nights or is_later_day(last, known.last_seen))
    first = min(known.first_seen, at)
    seen = changed(
        known,
        first_seen=first,
        last_seen=last,
        nights=nights,
        due_at=last + patience(first, last, nights),
        home=address,
        home_since=known.home_since or at,
        home_seen_at=max(known.home_seen_at or at, at),
        home_nights=known.home_nights + is_later_day(at, known.home_seen_at),
    )
    if not known.away or known.away_since is None or at <= known.away_since:
        return seen
    if seen.home_nights >= NIGHTS_OF_A_HABIT:
        return _without_away(seen)
    return changed(seen, away_nights=0, away_tls_nights=0)


def elsewhere(known: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    """Record a contact from an address that is not the usual one. It proves nothing, except a move if it continues."""
    at = sighting.at
    is_begun = known.away != sighting.address or known.away_nights == 0 or _was_home_since(known, known.away_since)
    since = at if is_begun else known.away_since
    nights = 1 if is_begun else known.away_nights + is_later_day(at, known.away_seen_at)
    turns = known.away_turns + (_was_home_since(known, known.away_seen_at) and is_later_day(at, known.away_seen_at))
    before = changed(known, away_tls_nights=0) if is_begun else known
    if known.away != sighting.address:
        before = changed(before, away_release=0, away_finished_at=None)
    seen = changed(
        before,
        away=sighting.address,
        away_since=since,
        away_seen_at=at if known.away_seen_at is None else max(known.away_seen_at, at),
        away_nights=nights,
        away_turns=turns,
        is_contested=known.is_contested or turns >= NIGHTS_OF_A_HABIT,
        home_nights=0,
    )
    if is_finished(sighting):
        is_new_night = seen.away_tls_nights == 0 or is_later_day(at, before.away_finished_at)
        seen = changed(
            seen,
            away_tls_nights=seen.away_tls_nights + is_new_night,
            away_release=sighting.release or 0,
            away_finished_at=at,
        )
    return _moved(seen) if _has_moved(seen, at) else seen


def settled(known: DeviceHistory, address: str, at: datetime) -> DeviceHistory:
    """The history after the device proved its identity: that address is its home, and callers elsewhere were others."""
    here = _without_away(known)
    if known.home in ("", address):
        return here
    return changed(
        here,
        home=address,
        home_since=at,
        home_seen_at=at,
        home_nights=1,
        tls_nights=0,
        notices=0,
        certificates=0,
        refusals=0,
        failure="",
        refused_at=None,
    )


def _was_home_since(known: DeviceHistory, at: datetime | None) -> bool:
    return at is None or known.home_seen_at is None or known.home_seen_at >= at


def _has_moved(known: DeviceHistory, at: datetime) -> bool:
    """Whether it was elsewhere on three nights, with nothing from home meanwhile although its habit was due."""
    is_habit = known.away_nights >= NIGHTS_OF_A_HABIT
    return is_habit and not _was_home_since(known, known.away_since) and at > known.due_at


def _moved(known: DeviceHistory) -> DeviceHistory:
    last = known.away_seen_at or known.last_seen
    nights = known.nights + known.away_nights
    moved = changed(
        known,
        last_seen=last,
        nights=nights,
        due_at=last + patience(known.first_seen, last, nights),
        home=known.away,
        home_since=last,  # not since it was first seen there: the address was not its own yet
        home_seen_at=last,
        home_nights=known.away_nights,
        tls_nights=known.away_tls_nights,
        notices=0,
        certificates=0,
        refusals=0,
        failure="",
        refused_at=None,
    )
    release, at = known.away_release, known.away_finished_at
    if release and at is not None:
        reached = known.releases.get(release)
        if reached is None or reached.grade < Grade.HANDSHAKE:
            releases = {**known.releases, release: ReleaseHistory(Grade.HANDSHAKE, at)}
            moved = changed(moved, releases=releases)
        moved = changed(moved, finished_release=release, finished_at=at)
    return _without_away(moved)


def _without_away(known: DeviceHistory) -> DeviceHistory:
    return changed(
        known,
        away="",
        away_since=None,
        away_seen_at=None,
        away_nights=0,
        away_tls_nights=0,
        away_turns=0,
        away_release=0,
        away_finished_at=None,
        is_contested=False,
    )


def with_token(known: DeviceHistory, sighting: Sighting) -> tuple[DeviceHistory, bool]:
    """The history after the token of this sighting, and whether the token proves the device's identity.

    A token that is older than the last one, or the same on another visit, is a replay. The sighting then counts as one
    without a token. By plain HTTP anyone on the way can read a token, so it proves nothing and is used up.
    """
    if not sighting.authenticated:
        return known, False
    if sighting.listener != "https":
        return changed(known, token_time=max(known.token_time, sighting.token_time + 1)), False
    if sighting.token_time < known.token_time:
        return known, False
    if sighting.token_time == known.token_time and not _is_same_visit(known, sighting):
        return known, False
    return changed(settled(known, sighting.address, sighting.at), token_time=sighting.token_time), True


def _is_same_visit(known: DeviceHistory, sighting: Sighting) -> bool:
    if known.home != sighting.address or known.home_seen_at is None:
        return False
    return abs(sighting.at - known.home_seen_at) <= _ONE_VISIT
