"""Polls of SIMs, for tests: a clock that is set, and an operator whose answers are set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engage_server.errors import EngageError
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.polling.asking import PolledLink
from engage_server.links.sim.things import Reachability, Reached, Thing
from engage_server.records import PathEvent
from tests.support.sim.memory import MemoryAccount, iccid

NOON = datetime(2027, 1, 2, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)


@dataclass
class SetClock:
    """A clock that is set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        """Let time pass, as ``timedelta`` takes it."""
        self.now += timedelta(**time)


@dataclass
class Kept:
    """Implements ``Journal`` in memory. Events with one key are one, as in the store.

    Attributes:
        is_full: Whether nothing can be kept.
    """

    is_full: bool = False
    given: list[PathEvent] = field(default_factory=list)

    def record(self, events: Sequence[PathEvent]) -> bool:
        if self.is_full:
            return False
        self.given += events
        return True

    @property
    def events(self) -> list[PathEvent]:
        """What the store would have."""
        return list({(event.link, event.key): event for event in self.given}.values())

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class Operator(MemoryAccount):
    """An account whose network reaches what it is told to reach.

    Attributes:
        reaches: What it says of each Thing; ``data`` of those that are not named.
        wrong: What it raises for single Things.
        asked: The identities that were asked for, in order.
    """

    def __init__(self, things: Sequence[Thing], name: str = "jpu") -> None:
        super().__init__(things, name)
        self.reaches: dict[str, Reachability] = {}
        self.wrong: dict[str, EngageError] = {}
        self.asked: list[str] = []

    def thing(self, thing: str) -> Thing:
        self.asked.append(thing)
        if thing in self.wrong:
            raise self.wrong[thing]
        return super().thing(thing)

    def reached(self, thing: Thing) -> Reached:
        self._read()
        return Reached(self.reaches.get(thing.thing, Reachability.DATA))


def one_link(*numbers: int, link: str = "depot-sim", group: str = "", expects: timedelta | None = None) -> PolledLink:
    """A link that these SIMs carry, or a group."""
    return PolledLink(SimLink(link, "depot", "jpu", tuple(iccid(each) for each in numbers), group, ""), expects)
