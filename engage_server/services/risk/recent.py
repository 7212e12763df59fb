"""Keeps the answers for large sites for a while, so that pages and other systems never wait for them.

A site with a million doors takes up to a second to judge. The operators' instance judges every site once a minute for
the metrics, or less often if that takes long. What took long then is kept until the next time. What was quick is judged
again each time.

Nobody waits for what somebody else is judging, if there is an earlier answer of this night. An answer says when it was
looked at: so a reader sees how old it is.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Thread
from typing import Protocol

from engage_server.errors import EngageError
from engage_server.services.risk.kinds import EVIDENCE_MISSING
from engage_server.services.risk.known import SiteTonight, worst_first

LONG_SECONDS = 0.2  # an answer that took longer is kept
KEPT_SECONDS = 120.0  # at least; longer than the pause of the metrics, which renew it
STALE_SECONDS = 900.0  # after its time, an answer is shown for so long while a new one is made
SHARE = 20  # judging takes at most one part in so many of a processor's time


class Judging(Protocol):
    """Judges sites: see :class:`engage_server.services.risk.tonight.Tonight`."""

    def names(self) -> list[str]:
        """The names of all sites."""

    def generation(self) -> int:
        """Grows with each change of what is served."""

    def look_at(self, site: str, now: datetime) -> SiteTonight:
        """Judge one site."""


@dataclass(frozen=True, slots=True)
class _Kept:
    found: SiteTonight
    generation: int
    until: float


def in_a_thread(work: Callable[[], None]) -> None:
    """Do it apart from the caller. The end of the process does not wait for it."""
    Thread(target=work, name="tonight", daemon=True).start()


class RecentTonight:
    """Says who is at risk tonight, for large sites as it was some minutes ago. For several threads.

    Args:
        tonight: Judges.
        stopwatch: Seconds by a clock that is never set.
        apart: Does work while the caller goes on.
    """

    def __init__(
        self,
        tonight: Judging,
        stopwatch: Callable[[], float],
        apart: Callable[[Callable[[], None]], None] = in_a_thread,
    ) -> None:
        self._tonight = tonight
        self._stopwatch = stopwatch
        self._apart = apart
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, Lock] = {}

    def look(
        self, now: datetime, wanted: Callable[[str], bool] = lambda site: True, *, renew: bool = False
    ) -> list[SiteTonight]:
        """All sites that are wanted: the worst first, then by name.

        Args:
            now: The time, timezone-aware.
            wanted: Whether a site is looked at, by its name.
            renew: Whether to judge all of them now.
        """
        return worst_first(self.look_at(name, now, renew=renew) for name in self._tonight.names() if wanted(name))

    def look_at(self, site: str, now: datetime, *, renew: bool = False) -> SiteTonight:
        """One site. If several ask for it at once, it is judged once.

        1. A kept answer is given until its time is over. After another release was served, it counts no more.
        2. Some time longer it is given while a new one is made apart from the caller.
        3. Otherwise the site is judged now. If somebody judges it already, an earlier answer of this night is given;
           where there is none, the caller waits.

        Raises:
            NotFound: There is no such site.
        """
        kept = None if renew else self._of_this_night(site, now)
        if kept is not None and kept.generation == self._tonight.generation():
            late = self._stopwatch() - kept.until
            if late <= 0:  # 1
                return kept.found
            if late <= STALE_SECONDS:  # 2
                self._renew_apart(site, now)
                return kept.found
        lock = self._locks.setdefault(site, Lock())
        if kept is None:  # 3
            lock.acquire()
        elif not lock.acquire(blocking=False):
            return kept.found
        try:
            other = None if renew else self._of_this_night(site, now)  # another one has judged it meanwhile
            is_new = other is not None and other is not kept and other.generation == self._tonight.generation()
            return other.found if other is not None and is_new else self._judged(site, now)
        finally:
            lock.release()

    def _renew_apart(self, site: str, now: datetime) -> None:
        """Judge it again, unless that is going on."""
        lock = self._locks.setdefault(site, Lock())
        if lock.acquire(blocking=False):

            def judge() -> None:
                try:
                    with suppress(EngageError):  # whoever asks after the time of the kept answer is told
                        self._judged(site, now)
                finally:
                    lock.release()

            self._apart(judge)

    def _of_this_night(self, site: str, now: datetime) -> _Kept | None:
        kept = self._kept.get(site)
        return kept if kept is not None and kept.found.looked_at <= now < kept.found.until else None

    def _judged(self, site: str, now: datetime) -> SiteTonight:
        generation, begun = self._tonight.generation(), self._stopwatch()
        found = self._tonight.look_at(site, now)
        ended = self._stopwatch()
        self._kept.pop(site, None)
        if ended - begun > LONG_SECONDS:
            least = 0.0 if any(each.kind is EVIDENCE_MISSING for each in found.risks) else KEPT_SECONDS
            kept_for = max(least, 2 * SHARE * (ended - begun))  # just after a start, evidence is missing for seconds
            self._kept[site] = _Kept(found, generation, ended + kept_for)
        return found
