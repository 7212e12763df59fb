"""When an account is asked again. Pure.

1. After a round that went well: the setting's pause, a tenth longer or shorter by chance.
2. After each round that failed, the pause doubles, up to eight hours.
3. Not before the operator wants to be asked again. More than eight hours are not believed.
"""

from datetime import datetime, timedelta
from typing import Final

from engage_server.links.sim.polling.memory import MOST_WAIT_SECONDS, AccountMemory

LONGEST: Final = timedelta(seconds=MOST_WAIT_SECONDS)
JITTER: Final = 0.1
_MOST_DOUBLINGS = 10
_CLOCKS_DIFFER = timedelta(minutes=5)  # of two hosts that share the memory
_BELIEVED = timedelta(hours=26)  # as the fold believes what works, if nobody says how often to expect it


def stretch_of(chance: float) -> float:
    """Return by what a pause is longer or shorter.

    Args:
        chance: From 0 to 1, evenly.
    """
    return 1 + JITTER * (2 * chance - 1)


def pause(memory: AccountMemory, every: timedelta) -> timedelta:
    """Return the pause after the last round."""
    longest = max(LONGEST, every)
    doubled = every * float(2 ** min(memory.failures, _MOST_DOUBLINGS))
    return max(min(doubled, longest) * memory.stretch, timedelta(seconds=memory.wait_seconds))


def due_at(memory: AccountMemory, every: timedelta, now: datetime) -> datetime:
    """Return when the next round is due. It is due if that is not later than now.

    A last round that lies in the future by more than clocks differ was written with a wrong clock: then it is due.
    """
    if memory.ended_at is None or memory.ended_at > now + _CLOCKS_DIFFER:
        return now
    return memory.ended_at + pause(memory, every)


def forgets_after(every: timedelta) -> timedelta:
    """Return after which time without a round it is no longer known what the store believes.

    Failures never cause such a pause.
    """
    return 3 * max(LONGEST, every)


def repeat_after(expects: timedelta | None, every: timedelta) -> timedelta:
    """Return after which time a path that works is said to work again.

    A round comes between this time and the one after which nothing is believed.

    Args:
        expects: How often the link should be heard of. None: nobody said.
        every: The setting's pause.
    """
    believed = expects if expects is not None else _BELIEVED / 2
    return max(believed - every * (1 + JITTER), timedelta(0))
