"""How the poll of an account stands, for people. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.links.sim.polling.memory import AccountMemory
from engage_server.links.sim.polling.pace import due_at
from engage_server.services.installation.checkup import Check, Level

_LATE = timedelta(minutes=5)  # a round may take a while, and another process may take over
_START = "Start it: engage serve links."


@dataclass(frozen=True, slots=True)
class PollStanding:
    """The poll of one account.

    Attributes:
        account: Its name.
        every: The setting's pause.
        memory: What is remembered of it.
    """

    account: str
    every: timedelta
    memory: AccountMemory

    def is_late(self, now: datetime) -> bool:
        """Whether a round should have come, and none did."""
        return due_at(self.memory, self.every, now) + _LATE < now

    def in_words(self) -> str:
        """Return one sentence."""
        memory = self.memory
        if memory.ended_at is None:
            return f"account {self.account} was never asked"
        if memory.trouble:
            since = memory.trouble_since or memory.ended_at
            return f"account {self.account} is in trouble since {_shown(since)}: {memory.trouble}"
        return f"account {self.account} answered at {_shown(memory.ended_at)}: {_counted(memory.things)}"

    def check(self, now: datetime) -> Check:
        """Return a line of ``engage link check``. An account that does not answer says nothing about a path."""
        name = f"poll {self.account}"
        if self.memory.ended_at is None:
            return Check(name, Level.WARNING, self.in_words(), _START)
        if self.memory.trouble:
            return Check(
                name, Level.WARNING, self.in_words(), f"See what it says: engage sim list --account {self.account}"
            )
        if self.is_late(now):
            sentence = f"account {self.account} was last asked at {_shown(self.memory.ended_at)}, which is too long ago"
            return Check(name, Level.WARNING, sentence, _START)
        return Check(name, Level.OK, self.in_words())


def _counted(things: int) -> str:
    return "1 SIM" if things == 1 else f"{things} SIMs"


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
