"""Moves from one state to another: which the document states, which it only suggests, and what they cost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engage_server.links.sim.things import Thing, ThingState


class Footing(StrEnum):
    """What a move stands on. Values are printed in JSON: never rename one."""

    STATED = "stated"
    INFERRED = "inferred"
    NOT_STATED = "not_stated"
    NONE = "none"  # there is no move: the Thing has the state already


@dataclass(frozen=True, slots=True)
class Move:
    """What setting a state means for one Thing.

    Attributes:
        before: Its state now; None where its word is none of the document's.
        after: The state that it is to get.
        footing: What the move stands on.
        why: What the document says of it, in a sentence.
        charges: What it costs, in a sentence. "" where the document does not say.
        is_final: Whether it cannot be taken back, by our reading.
        is_refused: Whether it is not done at all, by our reading.
    """

    before: ThingState | None
    after: ThingState
    footing: Footing
    why: str
    charges: str = ""
    is_final: bool = False
    is_refused: bool = False

    @property
    def is_needed(self) -> bool:
        """Whether anything would be sent to the operator."""
        return self.footing is not Footing.NONE and not self.is_refused


_PROVISIONED, _ACTIVE = ThingState.PROVISIONED, ThingState.ACTIVE
_SUSPENDED, _RETIRED = ThingState.SUSPENDED, ThingState.RETIRED

_STATED: Final[Mapping[tuple[ThingState, ThingState], str]] = {
    (_PROVISIONED, _ACTIVE): "A Thing is shipped PROVISIONED, and must be ACTIVE before it can be used.",
    (_ACTIVE, _SUSPENDED): "SUSPENDED is for a SIM that is out of service temporarily.",
    (_ACTIVE, _RETIRED): "RETIRED is for a SIM that is permanently out of service.",
}
_INFERRED: Final[Mapping[tuple[ThingState, ThingState], str]] = {
    (_SUSPENDED, _ACTIVE): "The document says that SUSPENDED is temporary, and not how it ends.",
    (_SUSPENDED, _RETIRED): "The document says when to use RETIRED, and not from which state.",
    (_PROVISIONED, _RETIRED): "The document says when to use RETIRED, and not from which state.",
}
_NOT_STATED = "The document does not say whether this move is possible."
_FINAL = "By our reading, RETIRED is final. The document does not say how it could end."

_SUSPENSION = "SUSPENDED is free of charge only if it lasts during the whole billing cycle."
_CHARGES: Final[Mapping[tuple[ThingState, ThingState], str]] = {
    (_PROVISIONED, _ACTIVE): "PROVISIONED costs nothing. Charges begin when it is ACTIVE.",
    (_ACTIVE, _SUSPENDED): _SUSPENSION,
    (_PROVISIONED, _SUSPENDED): f"PROVISIONED costs nothing. {_SUSPENSION}",
    (_SUSPENDED, _ACTIVE): f"{_SUSPENSION} So this billing cycle is charged.",
    (_ACTIVE, _RETIRED): "Charges for it stop.",
    (_SUSPENDED, _RETIRED): "Charges for it stop.",
    (_PROVISIONED, _RETIRED): "PROVISIONED costs nothing, and neither does RETIRED.",
}


def move_of(thing: Thing, after: ThingState) -> Move:
    """Return what it means to set a Thing to a state.

    Args:
        thing: As its operator describes it now.
        after: The state that it is to get.
    """
    before = thing.state
    if before is after:
        return Move(before, after, Footing.NONE, f"It is {after} already.")
    final = after is _RETIRED
    if before is None:
        why = f"Its state now is none of the document's: '{thing.word}'. {_NOT_STATED}"
        return Move(before, after, Footing.NOT_STATED, why, is_final=final)
    if before is _RETIRED:
        return Move(before, after, Footing.NOT_STATED, _FINAL, is_refused=True)
    both = before, after
    charges = _CHARGES.get(both, "")
    if both in _STATED:
        return Move(before, after, Footing.STATED, _STATED[both], charges, is_final=final)
    if both in _INFERRED:
        return Move(before, after, Footing.INFERRED, _INFERRED[both], charges, is_final=final)
    return Move(before, after, Footing.NOT_STATED, _NOT_STATED, charges, is_final=final)
