"""Whose turn it is to ask an account: one process at a time, on one host or on many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engage_server.records import PathEvent


@dataclass(frozen=True, slots=True)
class Look:
    """What is known before a turn is taken.

    Attributes:
        version: It changes with each turn.
        is_held: Whether somebody has the turn now.
        memory: What was remembered at the end of the last turn.
    """

    version: int
    is_held: bool
    memory: str


class Turn(Protocol):
    """The right to ask an account now. It ends by itself some time after the last :meth:`hold`."""

    def hold(self) -> bool:
        """Keep the turn. Call it often while a round lasts. False if somebody else has taken it."""

    def end(self, memory: str, events: Sequence[PathEvent]) -> bool:
        """Keep events, remember, and give the turn back.

        Returns:
            False if that was not possible. Then nothing is remembered, and the events come again with the same keys.
        """

    def drop(self) -> None:
        """Give the turn back without anything. After :meth:`end` it does nothing."""


class Turns(Protocol):
    """Gives turns."""

    def look(self, account: str) -> Look:
        """Return what is known of an account.

        Raises:
            EngageError: It cannot be read.
        """

    def take(self, account: str, look: Look) -> Turn | None:
        """Take a turn. None if somebody else has it, or had it since this look.

        Raises:
            EngageError: It cannot be taken.
        """
