"""The checks of ``engage doctor``: for each one a level, one sentence, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import EngageError

# On answers of the operators' instance. With two installations on one machine, the port does not say whose it is.
PROCESS_HEADER = "Engage-Process"


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"  # it may be intended, or it may become a problem later
    PROBLEM = "problem"  # devices or operators' commands are affected now


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: The name of the check; stable, for scripts.
        level: How serious the finding is.
        sentence: What was found, and where.
        next_step: What to do; "" if there is nothing to do.
    """

    name: str
    level: Level
    sentence: str
    next_step: str = ""

    @classmethod
    def of_error(cls, name: str, error: EngageError) -> "Check":
        """The result of a check that failed with an error."""
        return cls(name, Level.PROBLEM, error.sentence, error.next_step)


def worst(checks: Iterable[Check]) -> Level:
    """The most serious level of all results."""
    levels = {each.level for each in checks}
    return next((level for level in (Level.PROBLEM, Level.WARNING) if level in levels), Level.OK)
