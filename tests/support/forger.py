"""Doors that call each night, somebody who calls in their name, and what the gate makes of both: no sockets, no clock.

The universe in which the laws of ``tests/property/test_forger.py`` hold:

* Each door has called on three nights and more, and by TLS, before the forger begins; and none of them is dead when the
  release is served. (Who is silent can be impersonated for three nights, and then counts: that is a new DHCP lease.)
* The forger knows every serial number and no other, and has one address, which is no door's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import StaticPool

from engage_server.records import (
    Adoption,
    CutPath,
    GatePolicy,
    PathCut,
    RequiredEvidence,
    Rotation,
    RotationState,
    RotationWay,
    Sighting,
    SightingKind,
)
from engage_server.services.evidence.fold import fold
from engage_server.services.rotation.gate.decision import Decision
from engage_server.services.rotation.gate.patience import decide_with_path
from engage_server.store.evidence.adoption_kinds import Question
from engage_server.store.evidence.adoption_queries import select_adoption
from engage_server.store.evidence.arrival_queries import select_confirmations
from engage_server.store.evidence.history_queries import fold_in
from engage_server.store.partial_indexes import whole_schema
from engage_server.store.tables import device_histories
from tests.support.chains import NOW
from tests.support.world import address_of, serial_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0) + DAY
SERVED_AT = MIDNIGHT + 12 * HOUR  # at noon, when every door has called in the night before
FIRST_NIGHT, LAST_NIGHT = -12, 5
FORGER, NAT, LEASES = "198.51.100.9", "203.0.113.1", "203.0.113.128"
OLD, SERVED = 1, 2


class Fate(StrEnum):
    """What becomes of a door."""

    WELL = "well"
    SLEEPER = "well, every third night"
    MOVER = "well, and at another address from some night on"
    BEHIND_NAT = "well, at an address of several"
    REFUSES = "refuses TLS since the release is served, and loops"
    LOOPS_PLAIN = "asks and downloads since then, and tries no TLS"
    DEAD = "silent since then"
    DEAD_BEHIND_NAT = "silent since then, at an address of several"
    SAYS_NO = "comes through, and says in an audit that it did not take the anchor"


class Forgery(StrEnum):
    """What the forger does in a door's name."""

    ASKS = "asks for the notice"
    DOWNLOADS = "asks, and downloads the DER"
    ACCEPTS = "finishes TLS, checks nothing, and says the serial number"
    ACCEPTS_SILENTLY = "the same, with the serial number on another connection"
    REFUSES = "asks, downloads, and refuses TLS by an alert, twice"
    SAYS_NO = "sends an audit that the anchor was not taken"
    SAYS_YES = "sends an audit that it was taken"


@dataclass(frozen=True, slots=True)
class Door:
    """One door.

    Attributes:
        number: Unique.
        fate: What becomes of it.
        moves_at: The night from which on a mover calls from its new address.
    """

    number: int
    fate: Fate
    moves_at: int = 0

    @property
    def serial(self) -> str:
        """Its serial number."""
        return serial_of(self.number)

    def address(self, night: int) -> str:
        """From where it calls."""
        if self.fate in (Fate.BEHIND_NAT, Fate.DEAD_BEHIND_NAT):
            return NAT
        if self.fate is Fate.MOVER and night >= self.moves_at:
            return f"{LEASES[:-3]}{128 + self.number}"
        return address_of(self.number)


@dataclass(frozen=True, slots=True)
class Forged:
    """One thing that the forger does.

    Attributes:
        night, hour: When; may be before the release is served.
        door: In whose name, by its place in the list.
        what: What.
    """

    night: int
    hour: int
    door: int
    what: Forgery


def at_night(night: int, hour: float = 0) -> datetime:
    """A time of a day; day 0 is the one at whose noon the release is served."""
    return MIDNIGHT + night * DAY + hour * HOUR


def true_visits(doors: Sequence[Door], *, cut_over: bool, proven: bool = False) -> Iterator[Sighting]:
    """All that the doors do in all nights."""
    for night in range(FIRST_NIGHT, LAST_NIGHT + 1):
        for door in doors:
            at = at_night(night, 1) + door.number * timedelta(minutes=7)
            if door.fate is Fate.SLEEPER and (night - door.number) % 3:
                continue
            yield from _true_visit(door, night, at, cut_over=cut_over and night == 1, proven=proven)


def _true_visit(door: Door, night: int, at: datetime, *, cut_over: bool, proven: bool) -> Iterator[Sighting]:
    address, serial, release = door.address(night), door.serial, _served(at)
    is_new = release == SERVED
    if is_new and door.fate in (Fate.DEAD, Fate.DEAD_BEHIND_NAT):
        return
    refusing = is_new and door.fate is Fate.REFUSES
    plain = is_new and door.fate is Fate.LOOPS_PLAIN
    for _ in range(2 if refusing else 1):
        if refusing or cut_over:
            yield _failed(at, address, release)
        if refusing or plain or cut_over or night == FIRST_NIGHT:
            yield Sighting(SightingKind.NOTICE, at, "http", address, serial, "main", release)
            yield Sighting(SightingKind.CERTIFICATE, at, "http", address, None, "main", release)
    if refusing or plain:
        return
    accepted = Sighting(
        SightingKind.HANDSHAKE_FINISHED, at + timedelta(seconds=2), "https", address, None, "main", release
    )
    yield accepted
    yield replace(accepted, serial=serial, authenticated=proven, token_time=int(at.timestamp()) if proven else 0)
    if is_new and door.fate is Fate.SAYS_NO:
        yield _report(at + timedelta(seconds=3), address, serial, "1101")


def forged_visits(doors: Sequence[Door], acts: Sequence[Forged], *, from_home: bool = False) -> Iterator[Sighting]:
    """What the forger does, from an address of his own; or from the doors' own addresses."""
    for act in acts:
        door = doors[act.door % len(doors)]
        address = door.address(act.night) if from_home else FORGER
        yield from _forged(act.what, door.serial, address, at_night(act.night, act.hour))


def _forged(what: Forgery, serial: str, address: str, at: datetime) -> Iterator[Sighting]:
    release = _served(at)
    if what in (Forgery.SAYS_NO, Forgery.SAYS_YES):
        yield _report(at, address, serial, "1101" if what is Forgery.SAYS_NO else "1100")
        return
    accepted = Sighting(SightingKind.HANDSHAKE_FINISHED, at, "https", address, None, "main", release)
    if what is Forgery.ACCEPTS:
        yield accepted
        yield replace(accepted, serial=serial)
        return
    for _ in range(2 if what is Forgery.REFUSES else 1):
        yield Sighting(SightingKind.NOTICE, at, "http", address, serial, "main", release)
        if what in (Forgery.DOWNLOADS, Forgery.REFUSES):
            yield Sighting(SightingKind.CERTIFICATE, at, "http", address, None, "main", release)
        if what is Forgery.REFUSES:
            yield _failed(at, address, release)
    if what is Forgery.ACCEPTS_SILENTLY:
        yield accepted


def _failed(at: datetime, address: str, release: int) -> Sighting:
    return Sighting(
        SightingKind.HANDSHAKE_FAILED, at, "https", address, None, "main", release, failure="alert unknown_ca"
    )


def _report(at: datetime, address: str, serial: str, code: str) -> Sighting:
    return Sighting(SightingKind.AUDIT, at, "https", address, serial, "main", None, failure=code)


def _served(at: datetime) -> int:
    return SERVED if at >= SERVED_AT else OLD


class Gate:
    """The evidence of one site in a database in memory, and the gate's look at it.

    Args:
        policy: Of the rotation.
        evidence: What counts.
    """

    def __init__(self, policy: GatePolicy, evidence: RequiredEvidence = RequiredEvidence.ANY) -> None:
        engine = create_engine("sqlite://", poolclass=StaticPool)
        self._connection: Connection = engine.connect()
        whole_schema.create_all(self._connection)
        self._policy, self._evidence = policy, evidence

    def close(self) -> None:
        """Forget it all."""
        self._connection.close()
        self._connection.engine.dispose()

    def take(self, found: Sequence[Sighting], now: datetime) -> None:
        """Fold a batch in, as the spool's transfer does."""
        fold_in(self._connection, found, fold, now)

    def adoption(self, now: datetime, cut: PathCut | None = None) -> Adoption:
        """The counts."""
        question = Question(
            "main", SERVED, SERVED_AT, now, self._evidence, self._policy.only_listed, CutPath(cut) if cut else None
        )
        return select_adoption(self._connection, question)

    def confirmations(self, now: datetime) -> dict[datetime, int]:
        """When those that it counts as confirmed first were."""
        question = Question("main", SERVED, SERVED_AT, now, self._evidence, only_listed=self._policy.only_listed)
        return select_confirmations(self._connection, question)

    def look(self, now: datetime, cut: PathCut | None = None) -> Decision:
        """What the gate says of a release that was served all the time, with a right clock.

        Args:
            now: The time.
            cut: When the path to the site was cut.
        """
        rotation = Rotation(
            1,
            *("main", RotationWay.CUT_OVER, RotationState.RUNNING, OLD, (SERVED,), 1, SERVED_AT, "", self._policy, ()),
            *(SERVED_AT, "me"),
            soaked_seconds=(now - SERVED_AT).total_seconds(),
        )
        return decide_with_path(rotation, self.adoption(now, cut), CutPath(cut) if cut else None, now)

    def has_taken_over_one(self) -> bool:
        """Whether the forger's address has become the home of one door, and was given for no other: a new lease."""
        columns = device_histories.c
        query = select(columns.home, columns.away).where(columns.is_shared_address == 0, columns.identity != FORGER)
        places = list(self._connection.execute(query))
        there = [row.home == FORGER for row in places].count(True)
        return there == 1 and not any(row.away == FORGER for row in places)


def looks(first: int = 0) -> Iterator[datetime]:
    """Each morning and each evening, after the release was served."""
    for night in range(first, LAST_NIGHT + 1):
        for hour in (6, 18):
            if at_night(night, hour) > SERVED_AT:
                yield at_night(night, hour)


def batches(found: Sequence[Sighting]) -> Iterator[tuple[datetime, list[Sighting]]]:
    """The sightings in order, up to each look; the first batch is all before the release was served."""
    rest = sorted(found, key=lambda each: each.at)
    for until in (SERVED_AT, *looks()):
        yield until, [each for each in rest if each.at < until]
        rest = [each for each in rest if each.at >= until]
