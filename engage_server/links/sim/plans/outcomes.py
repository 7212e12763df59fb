"""What became of each Thing of a bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engage_server.errors import EngageError, NotPossible, Refused, UsageError


class Outcome(StrEnum):
    """What became of one write. Values are stored: never rename one."""

    BEGUN = "begun"  # it may be on its way; what came of it, nobody wrote down
    DONE = "done"
    FAILED = "failed"  # the operator refused it, or says that it is otherwise
    UNKNOWN = "unknown"  # no answer came: it may have happened
    NOT_DONE = "not_done"  # it certainly did not happen, and may be sent again


PENDING: Final = "sim.pending"
OTHERWISE: Final = "sim.otherwise"  # answered with success, and the Thing is not as it was to be
TOO_MANY: Final = "sim.quota"
# nothing was done, and it is true of every Thing: going on would only repeat it
TRUE_OF_ALL: Final = frozenset(("sim.login", "sim.no_token", "sim.unauthorized", "sim.not_offered", "sim.not_allowed"))
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


def outcome_of(error: EngageError) -> Outcome:
    """What became of a write that ended with this error."""
    if error.code == TOO_MANY or error.code in TRUE_OF_ALL:
        return Outcome.NOT_DONE
    return Outcome.FAILED if isinstance(error, UsageError | Refused) else Outcome.UNKNOWN


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


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of a bulk.

    Attributes:
        counts: How far it is.
        failures: What did not work, and that of which nobody knows.
        stopped: Why it ended before all was settled. None: it did not.
    """

    counts: Counts
    failures: Sequence[Failure]
    stopped: EngageError | None


def why_not_all(result: BulkResult) -> EngageError | None:
    """The error with which a command ends whose bulk is not settled. None: all is settled."""
    left = result.counts.left + result.counts.unknown
    if not left:
        return None
    cause = result.stopped
    sentence = f"{left} of {result.counts.total} SIMs are left"
    if cause is None:
        return NotPossible(sentence, "Take it up again: engage sim bulk resume", code="sim.bulk_unfinished")
    return NotPossible(
        f"{sentence}: {cause.sentence}",
        f"{cause.next_step} Then: engage sim bulk resume".strip(),
        code=cause.code,
    )
