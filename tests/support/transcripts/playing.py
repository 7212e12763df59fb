"""A page is played: its commands are run in their order, and what they print takes the place of what stands there."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tests.support.transcripts.page import Block, Command, Mark, PageInvalid, commands_of, parts_of, written

# What differs from run to run, and stands on a page as it was once. All else is compared to the letter.
_VARY = (
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "(hash)"),
    (re.compile(r"\bkey [0-9a-f]{16}\b"), "key (id)"),
    (re.compile(r"\b([0-9A-F]{2} ){3}[0-9A-F]{2}\b"), "(pairs)"),  # of a fingerprint that is read out
    (re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{27}="), "(HMAC-SHA1)"),
)
TIMES = (
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "(date)"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "(time)"),
    (re.compile(r"\b(ENGAGE (?:Root|Intermediate)) 20\d\d\b"), r"\1 (year)"),
)


class CommandFailed(AssertionError):
    """A command ended otherwise than its page shows."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a command.

    Attributes:
        status: Its exit status.
        shown: What a terminal would show.
    """

    status: int
    shown: str


class Stage(Protocol):
    """Where a page is played."""

    times_vary: bool

    def run(self, command: str) -> Ended:
        """Run a command of the page."""

    def happen(self, what: str) -> None:
        """Let something happen between two commands.

        Raises:
            PageInvalid: It does not know how.
        """


def beginning_of(page: str) -> str:
    """What a page begins with.

    Raises:
        PageInvalid: It does not say so, or twice.
    """
    found = [part.what for part in parts_of(page) if isinstance(part, Mark) and part.kind == "begins with"]
    if len(found) != 1:
        raise PageInvalid(f"a page says once what it begins with, this one {len(found)} times")
    return found[0]


def played(page: str, stage: Stage) -> str:
    """The page with what its commands really print.

    Raises:
        CommandFailed: One did not end with 0; a page shows the status of such a one: ``COMMAND; echo $?``.
        PageInvalid: It cannot be played.
    """
    return "".join(written(_played(part, stage)) for part in parts_of(page))


def difference(page: str, real: str, stage: Stage) -> str:
    """What is printed otherwise than it stands there, as a unified diff; "" for nothing."""
    shown, printed = (_compared(text, stage).splitlines(keepends=True) for text in (page, real))
    return "".join(difflib.unified_diff(shown, printed, "the page", "what is printed", n=2))


def not_run(page: str) -> Sequence[str]:
    """Why blocks of commands are not run, one reason for each of them."""
    return [part.not_run for part in parts_of(page) if isinstance(part, Block) and part.not_run]


def commands_run(page: str) -> Sequence[str]:
    """All commands of a page that are run."""
    blocks = [part for part in parts_of(page) if isinstance(part, Block) and part.is_run]
    return [command.text for block in blocks for command in commands_of(block.content)]


def _played(part: str | Mark | Block, stage: Stage) -> str | Mark | Block:
    if isinstance(part, Mark) and part.kind == "meanwhile":
        stage.happen(part.what)
    if isinstance(part, Block) and part.is_run:
        return replace(part, content="".join(_run(command, stage) for command in commands_of(part.content)))
    return part


def _run(command: Command, stage: Stage) -> str:
    ended = stage.run(command.text)
    if ended.status:
        raise CommandFailed(f"{command.text}\nended with {ended.status}, and the page does not show it:\n{ended.shown}")
    shown = ended.shown
    if "```" in shown:
        raise PageInvalid(f"{command.text}: its output would end the block")
    return command.lines + shown + ("\n" if shown and not shown.endswith("\n") else "")


def _compared(text: str, stage: Stage) -> str:
    for pattern, name in (*_VARY, *(TIMES if stage.times_vary else ())):
        text = pattern.sub(name, text)
    return text
