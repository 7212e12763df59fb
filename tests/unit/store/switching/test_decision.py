"""Who is waited for, and when all begin: laws that hold for any workers, any limit and any moment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import LIVE_WITHIN, Switch, SwitchTerms
from engage_server.store.switching.decision import Readiness, awaited, moment

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TERMS = SwitchTerms(timedelta(seconds=1.2))
SECONDS = st.floats(0, 100).map(lambda seconds: timedelta(seconds=seconds))
WORKERS = st.lists(
    st.builds(
        Readiness,
        st.text(max_size=3),
        st.sampled_from(["http", "https", "operators"]),
        st.integers(0, 9),
        SECONDS.map(lambda ago: NOW - ago),
    ),
    max_size=6,
)
LIMITS = st.floats(0.01, 30).map(lambda seconds: SwitchTerms(timedelta(seconds=seconds)))


def worker(prepared: int, listener: str = "https", ago: float = 1.0) -> Readiness:
    return Readiness(f"{listener} {prepared}", listener, prepared, NOW - timedelta(seconds=ago))


def announced(ago: float = 0.1) -> Switch:
    return Switch(5, NOW - timedelta(seconds=ago), None)


@pytest.mark.parametrize(
    ("workers", "is_decided"),
    [
        ([], True),
        ([worker(5), worker(6, "http")], True),
        ([worker(5), worker(4, "http")], False),
        ([worker(5), worker(4, "operators")], True),
        ([worker(5), worker(4, "http", LIVE_WITHIN.total_seconds() - 1)], False),
        ([worker(5), worker(4, "http", LIVE_WITHIN.total_seconds() + 1)], True),
    ],
    ids=["nobody", "all", "one is not", "operators are not waited for", "killed a moment ago", "dead"],
)
def test_who_is_waited_for(workers: list[Readiness], is_decided: bool) -> None:
    at = moment(announced(), workers, NOW, TERMS)
    assert at == (NOW + TERMS.lead if is_decided else None)
    over = announced(1.3)
    assert moment(over, workers, NOW, TERMS) == over.announced_at + TERMS.limit + TERMS.lead, "nobody blocks for ever"


@given(WORKERS, st.integers(1, 9), SECONDS, LIMITS)
def test_it_is_decided_if_nobody_is_waited_for_or_the_limit_is_over(
    workers: list[Readiness], generation: int, ago: timedelta, terms: SwitchTerms
) -> None:
    switch = Switch(generation, NOW - ago, None)
    at = moment(switch, workers, NOW, terms)
    assert (at is None) == (bool(awaited(workers, generation, NOW)) and ago < terms.limit)
    if at is not None:
        assert at <= switch.latest(terms), "who is cut off computes the latest moment, and must not be ahead"
        assert at == switch.latest(terms) or at == NOW + terms.lead


@given(WORKERS, st.integers(1, 9), SECONDS, LIMITS)
def test_one_more_that_is_prepared_delays_nothing(
    workers: list[Readiness], generation: int, ago: timedelta, terms: SwitchTerms
) -> None:
    switch = Switch(generation, NOW - ago, None)
    more = [*workers, Readiness("https 1 on a", "https", generation, NOW)]
    assert moment(switch, more, NOW, terms) == moment(switch, workers, NOW, terms)


@given(WORKERS, st.integers(1, 9))
def test_the_dead_and_the_operators_are_never_waited_for(workers: list[Readiness], generation: int) -> None:
    waited = awaited(workers, generation, NOW)
    of_devices = [each for each in workers if each.listener != "operators" and NOW - each.seen_at <= LIVE_WITHIN]
    assert waited == [each.worker for each in of_devices if each.prepared < generation]


@given(WORKERS, st.integers(1, 9), LIMITS)
def test_nobody_is_waited_for_when_the_clock_was_set_back(
    workers: list[Readiness], generation: int, terms: SwitchTerms
) -> None:
    """Else it would last until the clock shows the time of the announcement again."""
    switch = Switch(generation, NOW + timedelta(minutes=10), None)
    assert moment(switch, workers, NOW, terms) == NOW + terms.lead


@pytest.mark.parametrize("decided", [True, False])
def test_no_moment_is_pending_that_is_further_away_than_any(decided: bool) -> None:
    terms = SwitchTerms(timedelta(seconds=1))

    def is_pending(ago: timedelta) -> bool:
        return Switch(1, NOW - ago, NOW - ago + terms.lead if decided else None).is_pending(NOW, terms)

    assert is_pending(timedelta())
    assert not is_pending(timedelta(seconds=2))
    assert not is_pending(timedelta(minutes=-10)), "the clock was set back"
