"""One fault: it is begun, lasts while doors call, and is cured."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.trials.installation import Installation


def nothing(_all: Installation) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: What fails, and how.
        begin: Let it fail.
        cure: Put it right again.
        has_database: Whether commands reach the database meanwhile.
        before_command: Waits until they do.
        afterwards: Waits until the next thing may fail.
    """

    name: str
    begin: Callable[[Installation], None]
    cure: Callable[[Installation], None]
    has_database: bool = True
    before_command: Callable[[Installation], None] = nothing
    afterwards: Callable[[Installation], None] = nothing


def together(name: str, first: Fault, second: Fault) -> Fault:
    """Two faults at the same time. The first one begins first, and is cured last."""

    def begin(trial: Installation) -> None:
        first.begin(trial)
        second.begin(trial)

    def cure(trial: Installation) -> None:
        second.cure(trial)
        first.cure(trial)

    return Fault(name, begin, cure, has_database=first.has_database and second.has_database)
