"""What ``engage doctor`` finds: for each thing that it looks at whether it is well, in one sentence, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engage_server.errors import EngageError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it may be meant so, or it will be bad some day
    PROBLEM = "problem"  # devices, or operators' commands, suffer from it now


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at: stable, for scripts.
        level: How bad it is.
        sentence: What was found, and where.
        next_step: What to do; "" where nothing is to be done.
    """

    name: str
    level: Level
    sentence: str
    next_step: str = ""

    @classmethod
    def of_error(cls, name: str, error: EngageError) -> "Check":
        """What stood in the way of looking."""
        return cls(name, Level.PROBLEM, error.sentence, error.next_step)


def worst(checks: Iterable[Check]) -> Level:
    """The level of all of them together."""
    levels = {each.level for each in checks}
    return next((level for level in (Level.PROBLEM, Level.WARNING) if level in levels), Level.OK)
