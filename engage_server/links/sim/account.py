"""An account at an operator of SIMs, as commands, the poll and the plan see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Reached, Thing, ThingState

Values = Mapping[str, "str | int | Sequence[str]"]  # see operations.VALUES
Entry = Mapping[str, object]  # one group, network, profile, user or charge, as the contract has it


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of a write that the operator answered with success.

    Attributes:
        shown: What the contract answers, as it may be shown; {} for no body.
        is_accepted: Whether it was only accepted, and the operator does not say where to see when it is done.
        thing: The Thing as the answer describes it. None: it describes none. Success alone does not mean that the
            Thing is as it was to be: the answer may say otherwise.
        says: Which of the Thing's attributes the answer has, such as ``state``. The others are not known from it.
    """

    shown: Entry = field(default_factory=dict)
    is_accepted: bool = False
    thing: Thing | None = None
    says: frozenset[str] = frozenset()


def unannounced() -> None:
    """Do nothing: nobody has to know before a write is sent."""


class SimAccount(Protocol):
    """Calls one operator's API by a contract. Any thread may use it.

    Every method may raise:

    * UpstreamSilent: nothing answers, in time or in a form that the contract has. A write may have happened.
    * an EngageError with a code of ``sim.``: what the operator answered, and what to do: see ``client/answers.py``.
    """

    @property
    def name(self) -> str:
        """The name of its table in ``links.toml``: ``[sim.NAME]``."""

    def offers(self, operation: Operation) -> bool:
        """Whether the map has this operation."""

    def word_for(self, state: ThingState) -> str:
        """How the contract spells a state. "" if it has none for it."""

    def things(self, *, group: str = "", tag: str = "", state: ThingState | None = None) -> Iterator[Thing]:
        """All Things that pass, page after page. They are asked for as they are consumed.

        Raises:
            NotPossible: The contract can neither filter so, nor say what to filter by (``sim.not_offered``).
        """

    def thing(self, thing: str) -> Thing:
        """One Thing.

        Raises:
            NotFound: There is none (``sim.not_found``).
        """

    def reached(self, thing: Thing) -> Reached:
        """Whether the network reaches it. ``unknown`` where the contract has no such operation."""

    def entries(self, operation: Operation, values: Values | None = None) -> Iterator[Entry]:
        """What a list or a read of anything but Things answers: groups, networks, profiles, users, charges."""

    def act(self, operation: Operation, values: Values, before_sending: Callable[[], None] = unannounced) -> Acted:
        """Do one write, once. A 202 is waited for.

        Args:
            operation: A write.
            values: Those of :data:`.operations.VALUES`.
            before_sending: Called once the request is ready and there is a token, just before it is sent. If it was
                never called, nothing was sent. If it raises, nothing is sent.

        Raises:
            UsageError: A value is missing, or its contract does not accept it. Nothing was sent.
            NotPossible: The map has no such operation (``sim.not_offered``). Nothing was sent.
        """
