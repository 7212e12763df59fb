"""What a worker says of its host's spool, to those who judge doors by what the store has."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpoolWords:
    """What a worker says of its host's spool.

    Attributes:
        lateness: Says why this host's evidence may not be in the store. "" if it is.
        last_word: Says in the store what is left there, before this worker signs off. Raises EngageError.
    """

    lateness: Callable[[], str] = lambda: ""
    last_word: Callable[[], None] = lambda: None
