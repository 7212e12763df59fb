"""Starts the nightly backup when it is due, on one host, and reports how old the newest good one is."""

import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime

from engage_server.errors import NotPossible
from engage_server.records import BackupStep
from engage_server.services.backup.nights.standing import BackupStanding
from engage_server.services.backup.nights.timetable import MOST_TRIES, TRY_AGAIN_AFTER, last_due
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences
from engage_server.settings import Settings

SECONDS = 60.0
SENTENCES = Sentences(
    "the nightly backup is not made or not verified", "the nightly backup is good again", "the nightly backup failed"
)
LOOK_SENTENCES = Sentences(
    "the age of backups is not known", "the age of backups is known again", "looking at the age of backups failed"
)


class NightlyBackups:
    """Makes the backup that is due, in a process for nothing else. A run that was missed is made up for at the start.

    Args:
        side: The services.
        settings: The settings.
        work: Does the work in another process, and waits for its end. Returns what failed in one sentence, or "".
        log: Where results are logged.
        now: The clock.
    """

    def __init__(
        self,
        side: ActingSide,
        settings: Settings,
        work: Callable[[Settings], str],
        log: logging.Logger,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._side = side
        self._settings = settings
        self._work = work
        self._log = log
        self._now = now
        self._failure = ""  # of the last run of this process, until one is good

    def run(self) -> None:
        """Make the backup if it is due, and if no other host makes it.

        Raises:
            NotPossible: It failed. The sentence says why.
            EngageError: The store is down, or cannot be opened.
        """
        at = self._settings.backup_at
        if at is None:
            return
        runs, now = self._side.get().backup_runs, self._now()
        due = last_due(now, at, self._settings.backup_zone)
        if any(each.step is BackupStep.DRILLED and each.at >= due for each in runs.last_good_backup_runs()):
            self._failure = ""
            return
        if not runs.claim_backup(socket.gethostname(), now, due, TRY_AGAIN_AFTER, MOST_TRIES):
            self._assert_good()
            return
        self._log.info("the nightly backup begins")
        self._failure = self._work(self._settings)
        self._assert_good()
        self._log.info("the nightly backup is made, and its drill was good")

    def _assert_good(self) -> None:
        """A failure lasts until a run is good: that none may be made now ends nothing."""
        if self._failure:
            raise NotPossible(self._failure, "Check it: engage status")


class BackupAges:
    """Reads how old the newest good backup is.

    Args:
        side: The services.
        tell: Called with what was found.
        now: The clock.
    """

    def __init__(
        self,
        side: ActingSide,
        tell: Callable[[BackupStanding], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._side = side
        self._tell = tell
        self._now = now

    def look(self) -> None:
        """Read it once.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        self._tell(self._side.get().backup_standing(self._now()))
