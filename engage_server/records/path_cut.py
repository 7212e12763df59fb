"""When nothing came through to a site, and which silent doors that excuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

NIGHT_AFTER_CUT = timedelta(hours=26)  # a night and some hours, in which a door that calls once a night comes again
_BEYOND = timedelta(hours=12)  # of the usual patience: the half day beyond twice the usual gap


@dataclass(frozen=True, slots=True)
class PathCut:
    """A time in which nothing came through to a site, as its links said. Doors that fell silent in it may still come.

    Attributes:
        since: When it began; aware.
        until: When it ended. None: it lasts.
    """

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CutPath:
    """The path to a site that is or was cut, with its words.

    Attributes:
        cut: When nothing came through last.
        why: Why, as a clause such as ``its SIM is suspended (link depot-sim)``. "" if it is over.
        mend: What to do about it. "" if it is over.
        earlier: The cuts before, the newest first. No two of all cuts share a moment.
    """

    cut: PathCut
    why: str = ""
    mend: str = ""
    earlier: tuple[PathCut, ...] = ()

    def excuses(self, due_at: datetime, last_seen: datetime, now: datetime) -> bool:
        """Whether a device may be silent only because of the path. The gate and ``engage tonight`` both go by this.

        1. It had not missed its habit before a cut began.
        2. Since the end of that cut, the path worked for less than a night: see :func:`night_of`.

        So a path that comes and goes excuses nobody for ever: the hours in which it works add up.
        ``store.evidence.cut_conditions`` says the same in SQL.

        Args:
            due_at: When the device missed its habit.
            last_seen: When it called last.
            now: The time, timezone-aware.
        """
        night = night_of(due_at - last_seen)
        return any(due_at >= since and worked <= night for since, worked in self.openings(now))

    def openings(self, now: datetime) -> Iterator[tuple[datetime, timedelta]]:
        """Yield when each cut began, the newest first, and for how long the path worked since its end."""
        worked, later = timedelta(0), now
        for cut in (self.cut, *self.earlier):
            worked += max(timedelta(0), later - (cut.until or later))
            yield cut.since, worked
            later = cut.since

    def waits_since(self, now: datetime) -> datetime:
        """When the first cut began for which doors that call once a night are still waited for."""
        return min((since for since, worked in self.openings(now) if worked <= NIGHT_AFTER_CUT), default=self.cut.since)


def night_of(may_be_silent: timedelta) -> timedelta:
    """Return how long a device gets after a cut: a night, or its usual pause if that is longer.

    Args:
        may_be_silent: For how long it may be silent before it misses its habit.
    """
    return max(NIGHT_AFTER_CUT, (may_be_silent - _BEYOND) / 2)
