"""The clock and the pauses of a client. Tests bring their own."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TRIES: Final = 3  # of a read that met a system that was away
_FIRST_SECONDS: Final = 0.5
_LONGEST_WAIT: Final = 20  # a system that asks for more is not waited for


@dataclass(frozen=True, slots=True)
class Clocks:
    """What takes time.

    Attributes:
        now: Seconds of a clock that nobody can set.
        sleep: Waits for some seconds.
        chance: A number from 0 to 1, for pauses of many clients that must not end together.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]

    def pause(self, attempt: int, asked: int | None) -> bool:
        """Wait before another attempt.

        Args:
            attempt: How many attempts were made.
            asked: How many seconds the system asks for; None if it does not say.

        Returns:
            Whether another attempt is due. False after the last one, or if the system asks for a long pause.
        """
        if attempt >= TRIES or (asked is not None and asked > _LONGEST_WAIT):
            return False
        backed_off = _FIRST_SECONDS * 2.0 ** (attempt - 1) * (1 + self.chance())
        self.sleep(max(backed_off, float(asked or 0)))
        return True


def real_clocks() -> Clocks:
    """The clocks of this machine. The one that nobody can set goes on while the machine sleeps, where there is such."""
    kind = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Clocks(lambda: time.clock_gettime(kind), time.sleep, random.SystemRandom().random)
