"""What to do after ``engage chain check``."""

import shlex
from collections.abc import Iterator
from importlib.util import find_spec

from engage_server.checks import Severity
from engage_server.checks.reports.result import CheckRun, TargetResult
from engage_server.cli.program import program

_OF_THE_SERVER = "sqlalchemy"  # a package that 'release stage' needs, and a check does not


class Seen:
    """What was found in all targets, for the lines that say what to do now.

    Args:
        passphrase_file: The file that was given. 'stage' needs it as well.
        compares_hosts: Whether hosts were named.
        strict: Whether warnings count as errors.
    """

    def __init__(self, passphrase_file: str | None, *, compares_hosts: bool, strict: bool) -> None:
        self._option = f" --passphrase-file {shlex.quote(passphrase_file)}" if passphrase_file else ""
        self._compares_hosts, self._strict = compares_hosts, strict
        self.to_stage: list[str] = []
        self.files, self.live, self.ignores_error = 0, 0, False

    def watching(self, results: Iterator[TargetResult]) -> Iterator[TargetResult]:
        """The same results."""
        for result in results:
            self.live += result.live
            self.files += not (result.live or result.skipped or result.could_not_be_read)
            self.ignores_error |= result.ignores_error
            if result.can_be_staged and len(self.to_stage) < 2:
                self.to_stage.append(shlex.join((result.target, *result.beside)))
            yield result

    def last_lines(self, run: CheckRun) -> Iterator[str]:
        """What was not checked, and one step at most. All targets must have been seen."""
        yield from self.not_compared()
        step = self._next_step(run)
        if step:
            yield f"next: {step}"

    def not_compared(self) -> Iterator[str]:
        """What was not checked because nothing was given to compare it with. All targets must have been seen."""
        if self.files and not self._compares_hosts:
            yield "hosts were not compared: name those that devices call with --host"

    def _next_step(self, run: CheckRun) -> str:
        """'stage' is offered only for what it would accept, and would let go live."""
        totals, more = run.totals(), f"{program()} chain explain CODE says more"
        if totals[Severity.ERROR]:
            return f"fix the errors above and check again; {more}"
        if self._strict and totals[Severity.WARNING]:
            return f"fix the warnings above, which --strict counts as errors, and check again; {more}"
        if self.ignores_error:
            return "check again without --ignore and --select: an error that was left out keeps a chain from going live"
        if not self.files:
            return "check it again every night" if self.live else ""
        is_server = _can_stage()
        stage = f"{program()} release stage" if is_server else "engage release stage"
        if len(self.to_stage) == 1 and self.files == 1:
            return f"{'' if is_server else 'on the server: '}{stage} {self.to_stage[0]}{self._option}"
        if self.to_stage:
            return f"{'' if is_server else 'on the server: '}{stage} TARGET{self._option}, for one of these chains"
        where = "a chain can be served" if is_server else "the server can serve a chain"
        return f"with its root and private key, {where}: {stage}"


def _can_stage() -> bool:
    try:
        return find_spec(_OF_THE_SERVER) is not None
    except ModuleNotFoundError:
        return False
