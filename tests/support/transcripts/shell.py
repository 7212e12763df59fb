"""The commands of a page: ``engage`` in this process, with the tests' clock and network; others by bash."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import ENGAGE, engage, engage_as_shown
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.playing import Ended
from tests.support.transcripts.surroundings import same_everywhere

_STATUS = re.compile(r"\s*;\s*echo \$\?\s*$")
_ENGAGE_WITHIN = re.compile(r"(?:[;&|(]|\bsudo\b)\s*engage ")
_SECONDS = 60
_NO = 1  # the answer is no
_PLAIN = re.compile(r"[^;&|<>$`]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A command line that begins with ``engage``.

    Attributes:
        arguments: Of the command.
        source: The file that it reads as standard input; "" for none.
        filter: What reads its standard output, by bash; "" for nothing. As in a shell, the status is then this one's;
            but where the command could not be run at all, it is that command's.
    """

    arguments: list[str]
    source: str
    filter: str


def path_with_engage() -> str:
    """``PATH`` of somebody who has installed the command for good: then it prints itself without a folder."""
    return f"{Path(ENGAGE).parent}{os.pathsep}{os.environ['PATH']}"


class Shell:
    """Runs commands in a folder.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {"PATH": path_with_engage(), "LC_ALL": "C.UTF-8", "COLUMNS": "80"}

    def run(self, command: str, instead: Callable[[Line], Ended] | None = None) -> Ended:
        """Run a command line.

        Args:
            command: ``COMMAND; echo $?`` shows the status, and ends with 0 whatever it is.
            instead: Takes the place of :meth:`engage`.

        Raises:
            PageInvalid: It begins with ``engage``, and has more of a shell than can be played.
        """
        plain, shows_status = _STATUS.subn("", command)
        if shlex.split(plain)[:1] == ["engage"]:
            ended = (instead or self.engage)(_line(plain))
        elif _ENGAGE_WITHIN.search(plain):
            raise PageInvalid(f"'engage' stands in the middle of a command line: {command}")
        else:
            ended = self._by_bash(plain, b"")
        return Ended(0, f"{ended.shown}{ended.status}\n") if shows_status else ended

    def engage(self, line: Line) -> Ended:
        """Run ``engage`` in this process."""
        stdin = (self._folder / line.source).read_bytes() if line.source else b""
        with same_everywhere():
            if not line.filter:
                return Ended(*engage_as_shown(self._folder, line.arguments, stdin, self._environment))
            done = engage(self._folder, *line.arguments, stdin=stdin, **self._environment)
        if done.returncode not in (0, _NO):
            return Ended(done.returncode, done.stdout + done.stderr)
        ended = self._by_bash(line.filter, done.stdout.encode())
        return Ended(ended.status, done.stderr + ended.shown)

    def _by_bash(self, script: str, stdin: bytes) -> Ended:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode())


def _line(command: str) -> Line:
    called, _, filtered = command.replace("\\\n", " ").partition(" | ")
    if not filtered:
        called, _, file = called.partition(" > ")
        filtered = f"cat > {shlex.quote(file)}" if file else ""
    called, _, source = called.partition(" < ")
    words = shlex.split(called)
    if not all(_PLAIN.fullmatch(part) for part in (_unquoted(called), source)):
        raise PageInvalid(f"more of a shell than can be played: {command}")
    return Line(words[1:], source.strip(), filtered.strip())


def _unquoted(command: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"$`]*\"", "", command)
