"""What can be done to many Things at once: set their state, their tags, or their services."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from engage_server.errors import NotPossible
from engage_server.links.sim.account import Acted, SimAccount, Values
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

    def found(self, thing: Thing) -> str:
        """How a Thing is that is not as it is to be, as a clause: ``it is ACTIVE, not SUSPENDED``."""

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once. Return the Thing as it is then.

        The operator's answer may say that the Thing is not as it is to be, although it answered with success. So ask
        :meth:`is_done` of what is returned.

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

    def found(self, thing: Thing) -> str:
        """How a Thing is that is not as it is to be."""
        return f"it is {thing.state or repr(thing.word)}, not {self.state}"

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        acted = _act(account, Operation.THINGS_SET_STATE, {"thing": thing.thing, "state": self.state.value})
        if acted.thing is None or "state" not in acted.says or not acted.thing.word:
            return replace(thing, state=self.state, word=account.word_for(self.state))
        if acted.thing.state is None:
            raise _pending(thing.thing, f"the operator answered with success, and says that it is '{acted.thing.word}'")
        return replace(thing, state=acted.thing.state, word=acted.thing.word)


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

    def found(self, thing: Thing) -> str:
        """How a Thing is that is not as it is to be."""
        return f"its tags are {', '.join(thing.tags) or 'none'}"

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        fresh = account.thing(thing.thing)
        tags = self._after(fresh)
        if tags != fresh.tags:
            acted = _act(account, Operation.THINGS_SET_TAGS, {"thing": thing.thing, "tags": tags})
            if acted.thing is not None and "tags" in acted.says:
                tags = acted.thing.tags
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

    def found(self, thing: Thing) -> str:
        """How a Thing is that is not as it is to be."""
        return f"its services are {', '.join(thing.services or ()) or 'none'}"

    def send(self, account: SimAccount, thing: Thing) -> Thing:
        """Do it to one Thing, once."""
        acted = _act(account, Operation.THINGS_SET_SERVICES, {"thing": thing.thing, "services": self.services})
        if acted.thing is None or acted.thing.services is None:
            return replace(thing, services=self.services)
        return replace(thing, services=acted.thing.services)


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


def _act(account: SimAccount, operation: Operation, values: Values) -> Acted:
    acted = account.act(operation, values)
    if acted.is_accepted:
        raise _pending(str(values["thing"]), "the operator accepted it, and does not say when it is done")
    return acted


def _pending(thing: str, why: str) -> NotPossible:
    return NotPossible(f"SIM {thing}: {why}", "Look at it later: engage sim bulk resume", code=PENDING)
