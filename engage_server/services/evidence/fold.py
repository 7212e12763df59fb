"""Folds sightings into the histories of devices. Pure, one sighting at a time.

The plan for each sighting of a batch:

1. A disregarded sighting changes nothing (:mod:`engage_server.services.evidence.sighting_times`).
2. It belongs to the device with its serial number. Without one, it belongs to the only serial number that recently
   called from its address. If there is no such one, the address itself counts as a device.
3. Times in the future, left from when a clock was wrong, are set back to the time of this sighting.
4. A token that proves the device counts most, from any address (:func:`.usual_address.with_token`).
5. From the usual address a sighting is evidence. From elsewhere it is not (:mod:`.usual_address`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engage_server.protocol.event_codes import MEANINGS, Proof
from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting, SightingKind
from engage_server.records.history import changed
from engage_server.services.evidence.sighting_times import taken_back
from engage_server.services.evidence.usual_address import (
    at_home,
    elsewhere,
    is_finished,
    is_later_day,
    newcomer,
    patience,
    with_token,
)
from engage_server.store.interface import Place

__all__ = ["fold", "noted", "patience"]

_GRADES = {
    SightingKind.NOTICE: Grade.NOTICE,
    SightingKind.CERTIFICATE: Grade.CERTIFICATE,
    SightingKind.HANDSHAKE_FINISHED: Grade.HANDSHAKE,
}
_ALERT = "alert "
_SAME_MOMENT = timedelta(seconds=1)  # the store keeps whole seconds


def fold(
    known: Mapping[Place, DeviceHistory],
    serials_at: Mapping[Place, Sequence[str]],
    found: Sequence[Sighting],
    now: datetime | None = None,
) -> list[DeviceHistory]:
    """Fold a batch of sightings into the histories. Implements :class:`engage_server.store.interface.Fold`.

    A handshake carries no serial number. It counts for the one device that recently called from its address. At an
    address of several devices (a NAT) it counts for none, until a request on its connection names the device.
    """
    histories = dict(known)
    for sighting in found:
        if sighting.disregarded:
            continue
        site, address = sighting.site or "", (sighting.site or "", sighting.address)
        serials = serials_at.get(address, ())
        identity = sighting.serial or (serials[0] if len(serials) == 1 else sighting.address)
        place = site, identity
        after = noted(histories.get(place), sighting, site, identity, now)
        is_shared = identity == sighting.address and len(serials) > 1
        histories[place] = (
            after if after.is_shared_address is is_shared else changed(after, is_shared_address=is_shared)
        )
        shared = histories.get(address)
        if identity != sighting.address and shared is not None and not shared.is_shared_address:
            histories[address] = changed(shared, is_shared_address=True)  # its device has named itself meanwhile
    return [history for place, history in histories.items() if history != known.get(place)]


def noted(
    before: DeviceHistory | None, sighting: Sighting, site: str, identity: str, now: datetime | None = None
) -> DeviceHistory:
    """The history of one device after one more sighting.

    1. A device that was never seen starts with an empty history.
    2. Times that a wrong clock left in the future are set back to the time of this sighting.
    3. A token that proves the device counts from any address.
    4. From an address that is not the usual one, everything else proves nothing.
    5. A sighting at the usual address shows that the device was here. A handshake with a token also proves who it was.
    6. Everything else counts by its kind: see :func:`_evident`.

    Args:
        before: The history before; None if there is none.
        sighting: The sighting, which must not be a disregarded one.
        site: The site where it was seen.
        identity: The device that the sighting belongs to.
        now: The time after which a history lies in the future; None if no clock is doubted.
    """
    known = before or newcomer(site, identity, sighting.at)  # 1
    if now is not None:
        known = taken_back(known, sighting.at, now)  # 2
    known, is_proven = with_token(known, sighting)  # 3
    if known.home not in ("", sighting.address):
        return elsewhere(known, sighting)  # 4
    seen = at_home(known, sighting.address, sighting.at)  # 5
    if sighting.host and sighting.host != seen.host:
        seen = changed(seen, host=sighting.host)
    if is_proven and is_finished(sighting):
        return _authenticated(_finished(seen, sighting), sighting)
    return _evident(seen, sighting)  # 6


def _evident(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    """Apply what a sighting from the usual address shows, by its kind, except that the device was there.

    1. A finished handshake ends all trouble: the counts start again. A resumed one proves nothing.
    2. A refused handshake is counted. A broken one is only remembered.
    3. A call-in shows nothing more. An audit shows what its event means.
    4. On a TLS connection the other kinds do not ask for an anchor: the device has just accepted one.
    5. A sighting older than the last finished handshake gives only its grade.
    6. Downloads and notices are counted. A notice right after an accepted chain is remembered.
    """
    if sighting.kind is SightingKind.HANDSHAKE_FINISHED:
        return _finished(seen, sighting) if is_finished(sighting) else seen
    if sighting.kind is SightingKind.HANDSHAKE_FAILED:
        return _failed(seen, sighting)
    if sighting.kind is SightingKind.CALL_IN:
        return seen
    if sighting.kind is SightingKind.AUDIT:
        return _audited(seen, sighting)
    if (
        sighting.listener == "https"
    ):  # on a connection whose handshake was recorded: the device has the anchor that it needs
        return seen
    if seen.finished_at is not None and sighting.at < seen.finished_at + _SAME_MOMENT:
        # from before that handshake: each worker has its own spool file, and they are read one after the other
        return _graded(seen, sighting, _GRADES[sighting.kind])
    if sighting.kind is SightingKind.CERTIFICATE:
        fetched = changed(seen, certificates=seen.certificates + 1, fetched_release=sighting.release or 0)
        return _graded(fetched, sighting, Grade.CERTIFICATE)
    asked_again = seen.asked_again_at
    if seen.finished_release == (sighting.release or -1) and not seen.refusals and not seen.notices:
        asked_again = sighting.at  # although it had just accepted this same release
    return _graded(changed(seen, notices=seen.notices + 1, asked_again_at=asked_again), sighting, Grade.NOTICE)


def _finished(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    if seen.finished_at is not None and sighting.at < seen.finished_at:
        # read late, from another worker's file: what came after it stays
        return _graded(seen, sighting, Grade.HANDSHAKE)
    is_new_night = not seen.tls_nights or is_later_day(sighting.at, seen.finished_at)
    finished = changed(
        seen,
        notices=0,
        certificates=0,
        refusals=0,
        failure="",
        refused_at=None,
        tls_nights=seen.tls_nights + is_new_night,
        finished_release=sighting.release or 0,
        finished_at=sighting.at,
    )
    return _graded(finished, sighting, Grade.HANDSHAKE)


def _failed(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    if seen.finished_at is not None and sighting.at < seen.finished_at:
        return seen  # read late: the device came through after that
    if not sighting.failure.startswith(_ALERT):
        return changed(seen, failure=sighting.failure)
    at = sighting.at if seen.refused_at is None else max(seen.refused_at, sighting.at)
    return changed(seen, refusals=seen.refusals + 1, failure=sighting.failure, refused_at=at)


def _authenticated(finished: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    """Record that the device finished this handshake and proved its identity on the same connection."""
    proven = changed(
        finished,
        authenticated_release=sighting.release or 0,
        authenticated_at=sighting.at,
        authenticated_nights=finished.authenticated_nights + is_later_day(sighting.at, finished.authenticated_at),
    )
    return _graded(proven, sighting, Grade.AUTHENTICATED)


def _audited(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    """Apply an audit of the device itself. It counts from when it arrived: the device's own clock may be wrong."""
    meaning = MEANINGS.get(sighting.failure[:4])
    if meaning is None:
        return seen
    told = changed(seen, report=sighting.failure, reported_at=sighting.at)
    if meaning.proof is Proof.ANCHOR_REFUSED:
        return changed(told, anchor_failed_at=sighting.at)
    # if a device sends tokens, an audit without one must not undo what it reported: anyone could have sent it
    is_its_own = sighting.authenticated or not seen.authenticated_nights
    return changed(told, anchor_failed_at=None) if meaning.proof is Proof.ANCHOR_TAKEN and is_its_own else told


def _graded(history: DeviceHistory, sighting: Sighting, grade: Grade) -> DeviceHistory:
    number = sighting.release
    if number is None:
        return history
    reached = history.releases.get(number)
    if reached is not None and reached.grade >= grade:
        return history
    return changed(history, releases={**history.releases, number: ReleaseHistory(grade, sighting.at)})
