"""The moment at which all workers begin to serve a change together."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_GENERATIONS_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)  # seconds since then fit into the store's column until 2092
LEAD = timedelta(seconds=0.2)
"""Between the decision about a moment and the moment: every worker hears of it meanwhile."""

_UNCERTAIN = timedelta(seconds=1)
_PREPARING = timedelta(seconds=0.5)
"""From the check in which a worker sees a change until it has said that it is prepared."""


def least_generation(at: datetime) -> int:
    """Return the least number that a change may have at this time.

    Numbers that were only counted would come again after a failover or a restore that lost changes. A worker that was
    cut off meanwhile, and serves a lost one, would then see its own number, and never follow.
    """
    return max(1, int((at - _GENERATIONS_BEGIN).total_seconds()))


@dataclass(frozen=True, slots=True)
class SwitchTerms:
    """How long workers wait for each other.

    Attributes:
        limit: Counted from the announcement. Who is not prepared then is not waited for any longer. 0: nobody waits.
        lead: Between the decision and the moment.
    """

    limit: timedelta
    lead: timedelta = LEAD

    @classmethod
    def given(cls, wait_seconds: float, poll_seconds: float) -> Self:
        """Return those of the settings. Workers that look seldom get the time to look once.

        Args:
            wait_seconds: The setting ``activation_wait_seconds``. 0: nobody waits.
            poll_seconds: The setting ``poll_seconds``.
        """
        if not wait_seconds:
            return cls(timedelta())
        return cls(max(timedelta(seconds=wait_seconds), timedelta(seconds=poll_seconds) + _PREPARING))

    @property
    def is_together(self) -> bool:
        """Whether workers wait for each other at all."""
        return self.limit > timedelta()


@dataclass(frozen=True, slots=True)
class Switch:
    """An announced change.

    Attributes:
        generation: The store's generation with it.
        announced_at: When it was announced. A change that replaces one without a moment keeps its time, so that a
            stream of changes delays nothing for ever.
        switch_at: The moment at which all workers begin to serve it. None: not decided.

    All times are aware UTC, by the database's clock.
    """

    generation: int
    announced_at: datetime
    switch_at: datetime | None

    def latest(self, terms: SwitchTerms) -> datetime:
        """Return the latest moment. A worker that is cut off from the database can compute it, too."""
        return self.announced_at + terms.limit + terms.lead

    def moment(self, terms: SwitchTerms) -> datetime:
        """Return the moment as far as it is known: the one that was decided, otherwise the latest."""
        return self.switch_at or self.latest(terms)

    def is_pending(self, now: datetime, terms: SwitchTerms) -> bool:
        """Whether the moment is still to come.

        One that is further away than any that is decided now is of a clock that somebody has set back since.
        """
        return now < self.moment(terms) <= now + terms.limit + terms.lead + _UNCERTAIN


@dataclass(frozen=True, slots=True)
class StoreLook:
    """What a worker sees when it checks the store for changes.

    Attributes:
        generation: The store's generation.
        switches: The newest announced changes, the newest first.
        now: The database's time, aware UTC.
        asked_at: By this process's monotonic clock, the middle between the question about the time and its answer.
        round_trip: The seconds between both. The time is uncertain by half of it.
        offset: The seconds by which this host's clock is ahead of the database's.
    """

    generation: int
    switches: tuple[Switch, ...]
    now: datetime
    asked_at: float
    round_trip: float
    offset: float

    @property
    def open(self) -> Switch | None:
        """The announced change whose moment is not decided; there is at most one."""
        return next((each for each in self.switches if each.switch_at is None), None)

    def is_pending(self, terms: SwitchTerms) -> bool:
        """Whether the moment of an announced change is still to come."""
        return any(each.is_pending(self.now, terms) for each in self.switches)

    def of(self, after: int, until: int) -> Switch | None:
        """Return the newest announced change after one generation, and not after another."""
        return next((each for each in self.switches if after < each.generation <= until), None)
