"""From what was seen of a device to what is known of it: pure, one sighting at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engage_server.protocol.event_codes import MEANINGS, Proof
from engage_server.records import DeviceHistory, Grade, ReleaseHistory, Sighting, SightingKind
from engage_server.store.interface import Place

# "Once in 24 h, usually between 00:00 and 04:00": the protocol notes, section 5
USUAL_SILENCE = timedelta(days=1)
_NIGHTS_OF_A_HABIT = 3  # with fewer there is none to speak of
_SHORTEST_PATIENCE = timedelta(hours=36)
_PATIENCE_BEYOND = timedelta(hours=12)

_GRADES = {
    SightingKind.NOTICE: Grade.NOTICE,
    SightingKind.CERTIFICATE: Grade.CERTIFICATE,
    SightingKind.HANDSHAKE_FINISHED: Grade.HANDSHAKE,
}
_ALERT = "alert "
_SAME_MOMENT = timedelta(seconds=1)  # the store keeps whole seconds


def fold(
    known: Mapping[Place, DeviceHistory], serials_at: Mapping[Place, Sequence[str]], found: Sequence[Sighting]
) -> list[DeviceHistory]:
    """Take a batch into the evidence. Implements :class:`engage_server.store.interface.Fold`.

    A handshake carries no serial number. It is taken for that of the one device that called from its address lately; at
    an address of several (a NAT) it is nobody's, until a request on its connection says whose it is.
    """
    histories = dict(known)
    for sighting in found:
        site, address = sighting.site or "", (sighting.site or "", sighting.address)
        serials = serials_at.get(address, ())
        identity = sighting.serial or (serials[0] if len(serials) == 1 else sighting.address)
        place = site, identity
        after = noted(histories.get(place), sighting, site, identity)
        histories[place] = replace(after, is_shared_address=identity == sighting.address and len(serials) > 1)
        shared = histories.get(address)
        if identity != sighting.address and shared is not None and not shared.is_shared_address:
            histories[address] = replace(shared, is_shared_address=True)  # its device has told its name meanwhile
    return [history for place, history in histories.items() if history != known.get(place)]


def noted(before: DeviceHistory | None, sighting: Sighting, site: str, identity: str) -> DeviceHistory:
    """One device's history with one more sighting."""
    seen = _seen(before, sighting.at, site, identity)
    if sighting.kind is SightingKind.HANDSHAKE_FINISHED:
        # a resumed session looks at no certificate: it shows that the device lives, and no more
        return seen if sighting.resumed else _finished(seen, sighting)
    if sighting.kind is SightingKind.HANDSHAKE_FAILED:
        is_refusal = sighting.failure.startswith(_ALERT)
        return replace(seen, refusals=seen.refusals + is_refusal, failure=sighting.failure)
    if sighting.kind is SightingKind.CALL_IN:
        return seen
    if sighting.kind is SightingKind.REPORT:
        return _reported(seen, sighting)
    if sighting.listener == "https":  # on a connection whose handshake was noted: it holds what it needs
        return seen
    if seen.finished_at is not None and sighting.at < seen.finished_at + _SAME_MOMENT:
        # of before that handshake: each worker has a spool file of its own, and they are read one after the other
        return _graded(seen, sighting)
    if sighting.kind is SightingKind.CERTIFICATE:
        fetched = replace(seen, certificates=seen.certificates + 1, fetched_release=sighting.release or 0)
        return _graded(fetched, sighting)
    asked_again = seen.asked_again_at
    if seen.finished_release == (sighting.release or -1) and not seen.refusals and not seen.notices:
        asked_again = sighting.at  # though it had just accepted this very release
    return _graded(replace(seen, notices=seen.notices + 1, asked_again_at=asked_again), sighting)


def patience(first_seen: datetime, last_seen: datetime, nights: int) -> timedelta:
    """How long a device may be silent before it has missed its own habit: twice its usual gap, and half a day."""
    usual = (last_seen - first_seen) / (nights - 1) if nights >= _NIGHTS_OF_A_HABIT else USUAL_SILENCE
    return max(_SHORTEST_PATIENCE, 2 * usual + _PATIENCE_BEYOND)


def _seen(before: DeviceHistory | None, at: datetime, site: str, identity: str) -> DeviceHistory:
    if before is None:
        return DeviceHistory(site, identity, at, at, 1, at + patience(at, at, 1))
    last = max(before.last_seen, at)
    nights = before.nights + (last.date() > before.last_seen.date())
    first = min(before.first_seen, at)
    return replace(before, first_seen=first, last_seen=last, nights=nights, due_at=last + patience(first, last, nights))


def _finished(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    finished = replace(
        seen,
        notices=0,
        certificates=0,
        refusals=0,
        failure="",
        finished_release=sighting.release or 0,
        finished_at=sighting.at,
    )
    return _graded(finished, sighting)


def _reported(seen: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    """What the device itself told in an audit; by when it came, because the device's own clock may be wrong."""
    meaning = MEANINGS.get(sighting.failure[:4])
    if meaning is None:
        return seen
    told = replace(seen, report=sighting.failure, reported_at=sighting.at)
    if meaning.proof is Proof.ANCHOR_REFUSED:
        return replace(told, anchor_failed_at=sighting.at)
    return replace(told, anchor_failed_at=None) if meaning.proof is Proof.ANCHOR_TAKEN else told


def _graded(history: DeviceHistory, sighting: Sighting) -> DeviceHistory:
    number, grade = sighting.release, _GRADES[sighting.kind]
    if number is None:
        return history
    reached = history.releases.get(number)
    if reached is not None and reached.grade >= grade:
        return history
    return replace(history, releases={**history.releases, number: ReleaseHistory(grade, sighting.at)})
