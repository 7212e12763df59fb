"""Lets a poll know what was said of paths without it, as a command does that set a state.

A poll says the same trouble again only about each hour. If it did not know that somebody else said the end of it, it
would be silent for so long about trouble that comes back.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engage_server.links.sim.polling.memory import from_text, to_text
from engage_server.links.sim.polling.turns import Turns
from engage_server.records import PathEvent, PathSays

_TRIES = 5
_PAUSE_SECONDS = 1.0


class NoJournal:
    """Takes no events: nothing is reported here. Implements :class:`engage_server.links.journal.desk.Journal`."""

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Return whether there are none."""
        return not events


def remember_said(
    turns: Turns, account: str, said: Mapping[str, PathSays], pause: Callable[[float], None] = time.sleep
) -> bool:
    """Write into a poll's memory what was last said of links. The next round says again what it finds.

    Args:
        turns: Where the memory is. Nothing is made for an account that was never polled.
        account: The account.
        said: What was said, by the name of the link.
        pause: Sleeps for so many seconds, while a round lasts.

    Returns:
        False if a round lasted all the while.

    Raises:
        EngageError: The memory cannot be read or written.
    """
    for number in range(_TRIES):
        if number:
            pause(_PAUSE_SECONDS)
        look = turns.look(account)
        memory = from_text(look.memory)
        links = {
            name: replace(each, told="", says=said[name].value) if name in said else each
            for name, each in memory.links.items()
        }
        if links == memory.links:
            return True
        turn = None if look.is_held else turns.take(account, look)
        if turn is not None:
            return turn.end(to_text(replace(memory, links=links)), ())
    return False
