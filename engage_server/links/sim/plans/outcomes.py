"""What became of each Thing of a bulk."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engage_server.errors import EngageError


class Outcome(StrEnum):
    """What became of one write. Values are stored: never rename one."""

    BEGUN = "begun"  # it may be on its way; what came of it, nobody wrote down
    DONE = "done"
    FAILED = "failed"  # the operator refused it: nothing was changed
    UNKNOWN = "unknown"  # no answer came: it may have happened
    NOT_DONE = "not_done"  # it certainly did not happen, and may be sent again


PENDING: Final = "sim.pending"
SETTLED = frozenset((Outcome.DONE, Outcome.FAILED))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something did not work.

    Attributes:
        code: The code of the error, such as ``sim.not_found``.
        sentence: What happened.
        next_step: What to do; "" if nothing is known.
    """

    code: str
    sentence: str
    next_step: str = ""


def trouble_of(error: EngageError) -> Trouble:
    """The error as it is kept in a file and printed in a list."""
    return Trouble(error.code, error.sentence, error.next_step)


def is_accepted(trouble: Trouble | None) -> bool:
    """Whether the operator accepted a write, and had not done it yet: then it may be done at any time."""
    return trouble is not None and trouble.code == PENDING


@dataclass(frozen=True, slots=True)
class Failure:
    """A Thing for which it did not work.

    Attributes:
        thing: Its identity.
        outcome: Failed, or unknown.
        trouble: Why.
    """

    thing: str
    outcome: Outcome
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a bulk is.

    Attributes:
        total: How many Things it has.
        done: How many are done.
        failed: How many the operator refused.
        unknown: Of how many nobody knows.
    """

    total: int
    done: int = 0
    failed: int = 0
    unknown: int = 0

    @property
    def left(self) -> int:
        """How many nobody has begun."""
        return self.total - self.done - self.failed - self.unknown
