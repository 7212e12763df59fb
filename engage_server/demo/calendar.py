"""Nights and days of a site that end now. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

_NIGHT_ENDS = time(4, 15)  # local; the last call of a night is over


@dataclass(frozen=True, slots=True)
class SiteCalendar:
    """The nights of one site, by its own time.

    Attributes:
        zone: Where it is.
        last: The date on which its last whole night ended.
        nights: How many nights there were.
    """

    zone: ZoneInfo
    last: date
    nights: int

    @classmethod
    def until(cls, now: datetime, zone: str, nights: int) -> Self:
        """Make the calendar whose last night is the newest one that is over.

        Args:
            now: Aware.
            zone: As the IANA names time zones.
            nights: How many.
        """
        there = now.astimezone(ZoneInfo(zone))
        is_over = there.time() >= _NIGHT_ENDS
        return cls(ZoneInfo(zone), there.date() - timedelta(days=0 if is_over else 1), nights)

    def at(self, night: int, hour: int, minute: int = 0) -> datetime:
        """A time of the day on which a night ends. The night itself begins at hour 0. UTC.

        Args:
            night: 0 for the first night; -1 for the day before it.
            hour: Local.
            minute: Local. May be more than 59.
        """
        day = self.last - timedelta(days=self.nights - 1 - night)
        return datetime.combine(day, time(hour), self.zone).astimezone(UTC) + timedelta(minutes=minute)
