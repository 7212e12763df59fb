"""The shapes of SIMs in ``--json``."""

from engage_server.as_json.formats import Instant, Shape
from engage_server.links.sim.plans.moves import Footing, Move
from engage_server.links.sim.plans.outcomes import Counts, Failure, Outcome
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState


class ThingJson(Shape):
    """One SIM, as its operator describes it."""

    thing: str
    """Its identity in the contract, mostly its ICCID."""
    state: ThingState | None
    """Its state. Null: the contract's word is none of the document's."""
    word: str
    """The contract's own word for the state."""
    iccid: str | None
    """Null: the contract does not say. So it is with what follows."""
    imsi: str | None
    imei: str | None
    """The device in which it sits."""
    phone_number: str | None
    address: str | None
    """The IP address that it has now."""
    address_locked: bool | None
    """Whether it keeps that address."""
    group: str | None
    """Its Things Group."""
    tags: list[str]
    services: list[str] | None
    """The services that it may use."""
    connected: bool | None
    """Whether it has a session now."""
    fields: dict[str, str]
    """What else the map names."""


class ReachedJson(Shape):
    """Whether the network reaches a SIM."""

    reachability: Reachability
    """``unknown``: the contract has no such operation, or the network does not know."""
    at: Instant | None
    """When the network last knew."""


class MoveJson(Shape):
    """What it would mean to set the state of a SIM."""

    thing: str
    state: ThingState | None
    """Its state now."""
    to: ThingState
    footing: Footing
    """Whether the document states the move, only suggests it, or does not say. ``none``: it has the state already."""
    why: str
    """What the document says."""
    charges: str | None
    """What the move costs. Null: the document does not say."""
    final: bool
    """Whether nothing leads back, by our reading."""
    refused: bool
    """Whether it is not done, by our reading."""


class CountsJson(Shape):
    """How far a bulk is."""

    total: int
    done: int
    failed: int
    """How many the operator refused."""
    unknown: int
    """Of how many nobody knows whether it happened."""
    left: int
    """How many nobody has begun."""


class FailureJson(Shape):
    """A SIM for which it did not work."""

    thing: str
    outcome: Outcome
    """``failed``: refused. ``unknown``: it may have happened. ``not_done``: it did not."""
    code: str
    """The code of the error."""
    error: str
    next_step: str | None


def thing_json(thing: Thing) -> ThingJson:
    """A SIM."""
    return {
        "thing": thing.thing,
        "state": thing.state,
        "word": thing.word,
        "iccid": thing.iccid or None,
        "imsi": thing.imsi or None,
        "imei": thing.imei or None,
        "phone_number": thing.phone_number or None,
        "address": thing.address or None,
        "address_locked": thing.is_locked,
        "group": thing.group or None,
        "tags": list(thing.tags),
        "services": None if thing.services is None else list(thing.services),
        "connected": thing.is_connected,
        "fields": dict(thing.fields),
    }


def reached_json(reached: Reached) -> ReachedJson:
    """Whether the network reaches a SIM."""
    return {"reachability": reached.reachability, "at": reached.at.isoformat() if reached.at else None}


def move_json(thing: Thing, move: Move) -> MoveJson:
    """A move of one SIM."""
    return {
        "thing": thing.thing,
        "state": move.before,
        "to": move.after,
        "footing": move.footing,
        "why": move.why,
        "charges": move.charges or None,
        "final": move.is_final,
        "refused": move.is_refused,
    }


def counts_json(counts: Counts) -> CountsJson:
    """How far a bulk is."""
    return {
        "total": counts.total,
        "done": counts.done,
        "failed": counts.failed,
        "unknown": counts.unknown,
        "left": counts.left,
    }


def failure_json(failure: Failure) -> FailureJson:
    """A SIM for which it did not work."""
    return {
        "thing": failure.thing,
        "outcome": failure.outcome,
        "code": failure.trouble.code,
        "error": failure.trouble.sentence,
        "next_step": failure.trouble.next_step or None,
    }
