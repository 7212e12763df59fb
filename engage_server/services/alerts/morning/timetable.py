"""When the morning mail is due. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

MORNING = time(6, 30)
LATE_AFTER = timedelta(minutes=30)
_MONDAY = 0


@dataclass(frozen=True, slots=True)
class Morning:
    """The morning of one day in one time zone.

    Attributes:
        day: The day there.
        at: When its mail is due; aware, UTC.
        is_late: Whether that is a while ago, so that the mail says so.
    """

    day: date
    at: datetime
    is_late: bool

    @property
    def is_weekly(self) -> bool:
        """Whether a line is sent even if there is nothing to say."""
        return self.day.weekday() == _MONDAY


def morning_at(now: datetime, zone: tzinfo) -> Morning | None:
    """The morning of the present day in a time zone. None: it is not due yet.

    1. It is due at 06:30 by the clock on the wall.
    2. Where the clock is set forward over 06:30, it is due when 06:30 would have been.
    3. Where 06:30 comes twice, it is due the first time.
    4. A day that a zone skips has no morning: nobody there wakes up on it.
    5. What was missed is due until the day ends there, and never later.

    Args:
        now: The time, timezone-aware.
        zone: The time zone of the sites.
    """
    day = now.astimezone(zone).date()
    at = datetime.combine(day, MORNING, tzinfo=zone).astimezone(UTC)
    return Morning(day, at, is_late=now - at > LATE_AFTER) if now >= at else None
