"""What can be done to many Things at once: set their state, their tags, or their services."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from engage_server.errors import NotPossible
from engage_server.links.sim.account import SimAccount, Values
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.plans.outcomes import PENDING
from engage_server.links.sim.things import Thing, ThingState


class Write(Protocol):
    """One change, the same for each Thing. It can be stored, and taken up again by another process."""

    kind: ClassVar[str]

    def stored(self) -> Mapping[str, object]:
        """As JSON. :func:`write_of` reads it."""

    def words(self) -> str:
        """What it does, for people: ``set to SUSPENDED``."""

    def is_done(self, thing: Thing) -> bool:
        """Whether a Thing is already as it is to be."""

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once. Return the Thing as it is then.

        Raises:
            NotPossible: The operator accepted it, and has not done it yet (``sim.pending``).
            EngageError: What the account raises.
        """


@dataclass(frozen=True, slots=True)
class StateWrite:
    """Sets a state."""

    kind: ClassVar[str] = "state"

    state: ThingState

    def stored(self) -> Mapping[str, object]:
        """As JSON."""
        return {"kind": self.kind, "state": self.state.value}

    def words(self) -> str:
        """What it does, for people."""
        return f"set to {self.state}"

    def is_done(self, thing: Thing) -> bool:
        """Whether a Thing is already as it is to be."""
        return thing.state is self.state

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        _act(account, Operation.THINGS_SET_STATE, {"thing": thing.thing, "state": self.state.value})
        return replace(thing, state=self.state, word=account.word_for(self.state))


@dataclass(frozen=True, slots=True)
class TagsWrite:
    """Adds tags and removes tags. A contract knows only the whole list, so a Thing is read just before.

    Attributes:
        added: Tags that each Thing is to have.
        removed: Tags that none is to have.
    """

    kind: ClassVar[str] = "tags"

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def stored(self) -> Mapping[str, object]:
        """As JSON."""
        return {"kind": self.kind, "added": list(self.added), "removed": list(self.removed)}

    def words(self) -> str:
        """What it does, for people."""
        parts = [f"{verb} {', '.join(tags)}" for verb, tags in (("add", self.added), ("remove", self.removed)) if tags]
        return f"{' and '.join(parts)} as a tag"

    def is_done(self, thing: Thing) -> bool:
        """Whether a Thing is already as it is to be."""
        return self._after(thing) == thing.tags

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        fresh = account.thing(thing.thing)
        tags = self._after(fresh)
        if tags != fresh.tags:
            _act(account, Operation.THINGS_SET_TAGS, {"thing": thing.thing, "tags": tags})
        return replace(fresh, tags=tags)

    def _after(self, thing: Thing) -> tuple[str, ...]:
        kept = tuple(tag for tag in thing.tags if tag not in self.removed)
        return kept + tuple(tag for tag in self.added if tag not in kept)


@dataclass(frozen=True, slots=True)
class ServicesWrite:
    """Restricts a Thing to these services.

    Attributes:
        services: Such as ``data`` and ``sms``.
    """

    kind: ClassVar[str] = "services"

    services: tuple[str, ...]

    def stored(self) -> Mapping[str, object]:
        """As JSON."""
        return {"kind": self.kind, "services": list(self.services)}

    def words(self) -> str:
        """What it does, for people."""
        return f"allow only {' and '.join(self.services)}"

    def is_done(self, thing: Thing) -> bool:
        """Whether a Thing is already as it is to be."""
        return thing.services is not None and set(thing.services) == set(self.services)

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        _act(account, Operation.THINGS_SET_SERVICES, {"thing": thing.thing, "services": self.services})
        return replace(thing, services=self.services)


def write_of(stored: Mapping[str, object]) -> Write:
    """Read a write that was stored.

    Raises:
        ValueError: It is none, or one of a newer version.
    """
    kind = stored.get("kind")
    if kind == StateWrite.kind:
        return StateWrite(ThingState(str(stored.get("state"))))
    if kind == TagsWrite.kind:
        return TagsWrite(_texts(stored.get("added")), _texts(stored.get("removed")))
    if kind == ServicesWrite.kind:
        return ServicesWrite(_texts(stored.get("services")))
    raise ValueError("no write of this version")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("no list of texts")
    return tuple(value)


def _act(account: SimAccount, operation: Operation, values: Values) -> None:
    if account.act(operation, values).get("accepted") is True:
        raise NotPossible(
            f"SIM {values['thing']}: the operator accepted it, and does not say when it is done",
            "Look at it later: engage sim bulk resume",
            code=PENDING,
        )
