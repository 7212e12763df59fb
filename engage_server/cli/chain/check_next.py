"""What to do after ``engage chain check``."""

import shlex
from collections.abc import Iterator

from engage_server.checks.reports.result import TargetResult
from engage_server.cli.program import program


class Seen:
    """What was found in all targets, for the line that says what to do now.

    Args:
        passphrase_file: The file that was given. 'stage' needs it as well.
    """

    def __init__(self, passphrase_file: str | None) -> None:
        self._option = f" --passphrase-file {shlex.quote(passphrase_file)}" if passphrase_file else ""
        self.to_stage: list[str] = []
        self.files, self.live = 0, 0

    def watching(self, results: Iterator[TargetResult]) -> Iterator[TargetResult]:
        """The same results."""
        for result in results:
            self.live += result.live
            self.files += not result.live and not result.skipped
            if result.can_be_staged and len(self.to_stage) < 2:
                self.to_stage.append(shlex.join((result.target, *result.beside)))
            yield result

    def next_steps(self) -> Iterator[str]:
        """One step at most. 'stage' is offered only for what it would accept."""
        if len(self.to_stage) == 1 and self.files == 1:
            yield f"{program()} release stage {self.to_stage[0]}{self._option}"
        elif self.to_stage:
            yield f"{program()} release stage TARGET{self._option}, for one of these chains"
        elif self.files:
            yield f"with its root and private key, a chain can be served: {program()} release stage"
        elif self.live:
            yield "check it again every night"
