"""Judges who is at risk tonight, for the metrics. At most once a minute, however often the metrics are read."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences

SECONDS = 60.0
SENTENCES = Sentences(
    "the doors at risk are not counted", "the doors at risk are counted again", "counting the doors at risk failed"
)
_SHARE = 20  # counting takes at most one part in so many of a processor's time


@dataclass(frozen=True, slots=True)
class SiteRisks:
    """The figures of one site.

    Attributes:
        site: Its name.
        doors: How many doors are at risk, by the word of the severity.
        codes: The codes of what concerns the whole site, each with the word of its severity.
        path: The word for the state of its path. None: it has no link.
    """

    site: str
    doors: Mapping[str, int]
    codes: Mapping[str, str]
    path: str | None = None


class DoorsAtRisk:
    """The doors at risk of all sites.

    Args:
        side: The services.
        tell: Called with what was found.
        now: The clock.
        stopwatch: Seconds by a clock that is never set.
    """

    def __init__(
        self,
        side: ActingSide,
        tell: Callable[[Sequence[SiteRisks]], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._side = side
        self._tell = tell
        self._now = now
        self._stopwatch = stopwatch
        self._not_before = float("-inf")

    def count(self) -> None:
        """Count them once, unless that took long a short time ago. It renews what pages show of large sites.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        begun = self._stopwatch()
        if begun < self._not_before:
            return
        found = self._side.get().recent_tonight.look(self._now(), renew=True)
        self._tell(
            [
                SiteRisks(
                    each.site,
                    {severity.word: doors for severity, doors in each.counts.items()},
                    {risk.kind.code: risk.kind.severity.word for risk in each.risks},
                    each.path.value if each.path else None,
                )
                for each in found
            ]
        )
        ended = self._stopwatch()
        self._not_before = ended + _SHARE * (ended - begun)
