"""Converts times of the database's clock into this process's monotonic clock, which nobody sets."""

from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.records import StoreLook

_DRIFT = 5e-4  # of two clocks, one of which is being slewed: adjtime(3) changes its rate by no more
_RESOLUTION = 1e-3  # of a time as a number of seconds, and far above what its rounding changes


@dataclass(frozen=True, slots=True)
class _Measurement:
    ahead: float  # of the monotonic clock, in seconds
    uncertain: float
    at: float

    def doubt(self, now: float) -> float:
        """How far it may be off by now."""
        return self.uncertain + _DRIFT * max(0.0, now - self.at)


class DatabaseClock:
    """Keeps the best of the measurements that come with each check of the store.

    The one with the shortest way there and back is the best, until drift has made it worse than a new one. If a new
    one contradicts it, somebody has set the database's clock, or another server has taken over. Then the new one is
    used.

    Attributes:
        offset: The seconds by which this host's clock is ahead of the database's. None: not measured.
    """

    def __init__(self) -> None:
        self._best: _Measurement | None = None
        self.offset: float | None = None

    def measured(self, look: StoreLook) -> None:
        """Take the measurement of a check."""
        new = _Measurement(look.now.timestamp() - look.asked_at, look.round_trip / 2, look.asked_at)
        best = self._best
        if best is None or new.uncertain <= best.doubt(new.at) or _contradict(best, new):
            self._best, self.offset = new, look.offset
        elif self.offset is not None and abs(look.offset - self.offset) > best.doubt(new.at) + new.uncertain:
            self.offset = look.offset  # somebody has set this host's clock

    def monotonic(self, time: datetime) -> float:
        """Return what the monotonic clock shows at a time of the database. Call it after a measurement."""
        assert self._best is not None  # noqa: S101
        return time.timestamp() - self._best.ahead

    def time(self, monotonic: float) -> datetime:
        """Return the database's time, aware UTC, at a time of the monotonic clock. Call it after a measurement."""
        assert self._best is not None  # noqa: S101
        return datetime.fromtimestamp(monotonic + self._best.ahead, UTC)


def _contradict(best: _Measurement, new: _Measurement) -> bool:
    return abs(best.ahead - new.ahead) > best.doubt(new.at) + new.uncertain + _RESOLUTION
