"""How old the newest good backup and the newest good drill are, and whether that is a fault. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.records import BackupRun, BackupStep
from engage_server.services.backup.nights.timetable import OVERDUE_AFTER
from engage_server.store.interface import BackupStore

_WORDS = {BackupStep.CREATED: "backup", BackupStep.DRILLED: "drill"}


@dataclass(frozen=True, slots=True)
class BackupStanding:
    """What is known of backups.

    Attributes:
        is_nightly: Whether the settings ask for a backup and a drill every night.
        good: The newest good run of each step.
        failed: The newest run, if it failed. None: it did not, or there is none.
        at: When this was read.
    """

    is_nightly: bool
    good: Sequence[BackupRun]
    failed: BackupRun | None
    at: datetime

    def last_good(self, step: BackupStep) -> BackupRun | None:
        """The newest good run of a step. None: there is none."""
        return next((each for each in self.good if each.step is step), None)

    def age(self, step: BackupStep) -> timedelta | None:
        """How old the newest good run of a step is. None: there is none."""
        found = self.last_good(step)
        return None if found is None else max(timedelta(0), self.at - found.at)

    def is_overdue(self, step: BackupStep) -> bool:
        """Whether a configured step has not succeeded for too long."""
        age = self.age(step)
        return self.is_nightly and (age is None or age > OVERDUE_AFTER)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should act today."""
        return any(self.is_overdue(step) for step in BackupStep)

    @property
    def faults(self) -> list[str]:
        """What is overdue, and why the last run failed, one sentence each."""
        found = []
        for step in BackupStep:
            if self.is_overdue(step):
                age = self.age(step)
                since = "there was none yet" if age is None else f"the last one was {_hours(age)} ago"
                found.append(f"no good {_WORDS[step]} for more than {_hours(OVERDUE_AFTER)}: {since}")
        if self.failed is not None:
            what = f"the {_WORDS[self.failed.step]} of {self.failed.at:%Y-%m-%d %H:%M} UTC"
            found.append(f"{what} on {self.failed.host} failed: {self.failed.why}")
        return found

    @property
    def sentence(self) -> str:
        """The newest good backup and drill, in one sentence. "" if nothing was ever made and nothing is configured."""
        made, drilled = self.last_good(BackupStep.CREATED), self.last_good(BackupStep.DRILLED)
        if made is None:
            return "there is no backup yet" if self.is_nightly else ""
        tested = f"the last good drill was {drilled.at:%Y-%m-%d %H:%M} UTC" if drilled else "no drill was good yet"
        return f"the last good backup is of {made.at:%Y-%m-%d %H:%M} UTC ({made.file} on {made.host}), {tested}"


def backup_standing(store: BackupStore, now: datetime, *, is_nightly: bool) -> BackupStanding:
    """Read it.

    Args:
        store: The store.
        now: Aware, UTC.
        is_nightly: Whether the settings ask for nightly backups.

    Raises:
        StoreNotUsable: The database does not answer.
    """
    newest = next(iter(store.backup_runs(1)), None)
    failed = newest if newest is not None and not newest.is_good else None
    return BackupStanding(is_nightly, store.last_good_backup_runs(), failed, now)


def _hours(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours} hours" if hours < 72 else f"{span.days} days"
