"""What an operator says about a command, and the channel that is made of it."""

import json
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import UsageError
from engage_server.services.alerts.channels.command import COMMAND_SECONDS, CommandChannel
from engage_server.services.alerts.channels.terms import ChannelTerms

_MOST_ARGUMENTS = 8192  # characters of all of them


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command that an operator asks for.

    Attributes:
        program: Its name or path.
        arguments: What it is given. Never a secret: every user of this host can read them while it runs.
        search_path: Where a program without a path is looked for.
    """

    program: str
    arguments: Sequence[str]
    search_path: str

    def terms(self) -> ChannelTerms:
        """Check it, and return what is stored: its whole path, so that no other program is found later.

        Raises:
            UsageError: There is no such program, or anybody could replace it.
        """
        found = shutil.which(self.program, path=self.search_path)
        if found is None:
            raise UsageError(
                f"there is no program {self.program!r}, or you may not run it",
                "Give its whole path: --run /usr/local/bin/PROGRAM.",
                code="alert.program",
            )
        path = Path(found).absolute()
        if path.stat().st_mode & stat.S_IWOTH:
            raise UsageError(
                f"every user of this host can change {path}",
                "Run: chmod o-w on it, and look at it.",
                code="alert.program",
            )
        whole = (str(path), *self.arguments)
        if any("\0" in each for each in whole) or sum(map(len, whole)) > _MOST_ARGUMENTS:
            raise UsageError(
                "the arguments cannot be used", "Put them into a script, and run that.", code="alert.program"
            )
        return ChannelTerms({"program": str(path), "arguments": json.dumps(list(self.arguments))})


def command_channel(
    shown: Mapping[str, str],
    environment: Mapping[str, str],
    clock: Callable[[], float],
    seconds: float = COMMAND_SECONDS,
    run_as: tuple[int, int] | None = None,
) -> CommandChannel:
    """Make the channel of what was stored."""
    arguments = json.loads(shown.get("arguments", "[]"))
    return CommandChannel(shown["program"], arguments, environment, clock, seconds, run_as)
