"""Counts the doors at risk tonight, for the metrics. At most once a minute, however often the metrics are read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeating import Sentences

SECONDS = 60.0
SENTENCES = Sentences(
    "the doors at risk are not counted", "the doors at risk are counted again", "counting the doors at risk failed"
)
AtRisk = Mapping[tuple[str, str], int]  # by site and severity


class DoorsAtRisk:
    """The doors at risk of all sites.

    Args:
        side: The services.
        tell: Called with the counts.
        now: The clock.
    """

    def __init__(
        self,
        side: ActingSide,
        tell: Callable[[AtRisk], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._side = side
        self._tell = tell
        self._now = now

    def count(self) -> None:
        """Count them once. What pages and the API show of large sites is renewed with it.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        found = self._side.get().recent_tonight.look(self._now(), renew=True)
        self._tell({(each.site, severity.word): n for each in found for severity, n in each.counts.items()})
