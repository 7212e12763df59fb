"""Lets each part of an installation fail while doors call, and counts what is lost."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.trials.faults.fault import Fault
from tests.trials.installation import Installation

OVER = 6.0
_PATIENCE = 60.0
_INTO_IT = 1.0


@dataclass
class Row:
    """What came of one fault.

    Attributes:
        fault: Its name.
        doors: How many doors called.
        calls: How often they called.
        lost: Those that did not come through in their night, with the reason.
        missing: Sightings that are not in the store in the end.
        twice: Sightings that are there too often.
        stored_after: The seconds from the cure until all sightings were in the store.
        confirmed_after: The seconds until all workers served a release that was activated during the fault, or right
            after the cure where the database could not be reached.
        lost_writes: Writes that a database server confirmed and that are not there.
        notes: What else is to be said.
    """

    fault: str
    doors: int = 0
    calls: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    twice: int = 0
    stored_after: float = 0.0
    confirmed_after: float = 0.0
    lost_writes: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost."""
        return not self.lost and not self.missing and not self.twice and not self.lost_writes

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def let_fail(trial: Installation, fault: Fault, doors: range, over: float = OVER) -> Row:
    """Let one thing fail while some doors call, and cure it.

    1. The fault begins, and then the doors call. Each tries again as long as its night lasts.
    2. A release is activated during the fault where that is possible: doors that come later refuse TLS, fetch the new
       anchor, and come through.
    3. After the cure, all workers must serve it, and all that doors saw answered must get into the store.

    Args:
        trial: The installation.
        fault: What fails.
        doors: Which doors call.
        over: The seconds over which they call.
    """
    row = Row(fault.name)
    middle = doors.start + len(doors) // 2
    fault.begin(trial)
    time.sleep(_INTO_IT)
    _call(trial, row, range(doors.start, middle), over / 2)
    fault.before_command(trial)
    generation = trial.activate_next() if fault.has_database else None
    _call(trial, row, range(middle, doors.stop), over / 2)
    fault.cure(trial)
    cured = time.monotonic()
    generation = generation if generation is not None else trial.activate_next()
    row.confirmed_after = trial.seconds_until_confirmed(generation)
    trial.seconds_until_stored()
    row.stored_after = time.monotonic() - cured
    row.missing, row.twice = trial.missing(), trial.twice()
    fault.afterwards(trial)
    row.notes, row.lost_writes = trial.notes, trial.lost_writes
    trial.notes, trial.lost_writes = [], 0
    return row


def _call(trial: Installation, row: Row, doors: range, over: float) -> None:
    trial.fleet.begin(doors.start, doors.stop, over, _PATIENCE)
    night = trial.fleet.end()
    row.doors += night.doors
    row.calls += night.calls
    row.lost |= night.lost


def parts(doors: int, faults: Sequence[Fault]) -> list[tuple[Fault, range]]:
    """Which doors call during which fault: each door calls once in a night."""
    ends = [doors * each // max(1, len(faults)) for each in range(len(faults) + 1)]
    return [(fault, range(ends[each], ends[each + 1])) for each, fault in enumerate(faults)]
