"""Looks for a balancer that does not say the addresses of doors: ``/readyz`` of this listener warns of it."""

from collections.abc import Callable
from datetime import UTC, datetime

from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences

SECONDS = 600.0
SENTENCES = Sentences(
    "it is not known whether all doors have one address",
    "it is known again whether all doors have one address",
    "looking for the address of a balancer failed",
)
SHARED = "addresses.shared"


class OneAddress:
    """Looks for it.

    Args:
        side: The services.
        warn: Called with the codes of what is found.
        now: The clock.
    """

    def __init__(
        self, side: ActingSide, warn: Callable[..., None], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._side = side
        self._warn = warn
        self._now = now

    def look(self) -> None:
        """Look once.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        self._warn(*([SHARED] if self._side.get().balancers_address(self._now()) else []))
