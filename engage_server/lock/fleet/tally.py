"""The results of a fleet: how many calls succeeded, how long they took, which anchors devices have, and failures."""

import threading
from array import array
from collections import Counter
from typing import Any

FORMAT = "engage-server/fleet/1"
WHOLE = "whole call"
UNREACHABLE = "unreachable"  # a failure starts with this if the host did not answer


class FleetTally:
    """Counts the results of a fleet's devices. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._seconds: dict[str, array[float]] = {}
        self._failures: Counter[str] = Counter()
        self.well = 0
        self.changed = 0
        self.nights = 0
        self.latest = 0.0
        self.adoption: dict[str, int] = {}

    def took(self, stage: str, seconds: float) -> None:
        """Record how long a stage of a call took."""
        with self._guard:
            self._seconds.setdefault(stage, array("f")).append(seconds)

    def device_done(self, seconds: float, failure: str | None, *, changed: bool) -> None:
        """Record the end of one device's call.

        Args:
            seconds: The time from its first connection to its last byte.
            failure: Why the call failed; None if it succeeded.
            changed: Whether the device has another anchor than before.
        """
        self.took(WHOLE, seconds)
        with self._guard:
            self.well += failure is None
            self.changed += changed
            if failure is not None:
                self._failures[failure] += 1

    def late(self, seconds: float) -> None:
        """Record how many seconds late a device's call started."""
        self.latest = max(self.latest, seconds)

    def night_over(self, nights: int) -> None:
        """Record the number of nights so far."""
        self.nights = nights

    @property
    def lost(self) -> int:
        """The number of failed calls."""
        return self._failures.total()

    @property
    def nobody_answered(self) -> bool:
        """Whether the host did not answer any call. This says nothing about its chain."""
        return not self.well and all(why.startswith(UNREACHABLE) for why in self._failures)

    @property
    def done(self) -> int:
        """The number of finished calls."""
        return self.well + self.lost

    def report(self) -> dict[str, Any]:
        """All results as a JSON object; times in seconds."""
        with self._guard:
            return {
                "format": FORMAT,
                "nights": self.nights,
                "calls": self.done,
                "well": self.well,
                "lost": self.lost,
                "anchors_taken": self.changed,
                "adoption": dict(sorted(self.adoption.items())),
                "why_lost": [{"failure": why, "calls": count} for why, count in self._failures.most_common()],
                "latest_start": round(self.latest, 4),
                "seconds": {stage: _percentiles(sorted(taken)) for stage, taken in self._seconds.items()},
            }


def _percentiles(ordered: list[float]) -> dict[str, float]:
    """p50, p99 and maximum, by nearest rank."""
    last = len(ordered) - 1
    return {
        "p50": round(ordered[round(0.50 * last)], 4),
        "p99": round(ordered[round(0.99 * last)], 4),
        "max": round(ordered[last], 4),
        "count": len(ordered),
    }
