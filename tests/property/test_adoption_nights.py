"""The nights of a release against a plain count: what the gate counted when each night was over."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engage_server.records import GatePolicy, RequiredEvidence
from engage_server.records.site import night_begins, night_of
from engage_server.services.rotation.adoption_nights import nights_of
from tests.support.forger import SERVED_AT, Door, Fate, Gate, batches, true_visits
from tests.support.lengths import examples

bounded = settings(
    max_examples=examples(all=10, quick=6, campaign=60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# those of whom the gate never takes back that they came through
STEADY = (Fate.WELL, Fate.SLEEPER, Fate.BEHIND_NAT, Fate.REFUSES, Fate.LOOPS_PLAIN, Fate.DEAD, Fate.DEAD_BEHIND_NAT)


def doors(fates: tuple[Fate, ...]) -> st.SearchStrategy[list[Door]]:
    drawn = st.lists(st.tuples(st.sampled_from(fates), st.integers(-6, 3)), min_size=1, max_size=9)
    return drawn.map(lambda each: [Door(number, fate, at) for number, (fate, at) in enumerate(each)])


@bounded
@given(doors(STEADY), st.booleans(), st.booleans())
def test_each_night_has_what_the_gate_counted_when_it_was_over(site: list[Door], cut_over: bool, proven: bool) -> None:
    evidence = RequiredEvidence.AUTHENTICATED if proven else RequiredEvidence.ANY
    counted: dict[date, int] = {}
    with closing(Gate(GatePolicy(), evidence)) as gate:
        for until, found in batches(list(true_visits(site, cut_over=cut_over, proven=proven))):
            gate.take(found, until)
            if until > SERVED_AT:
                counted[night_of(until, UTC)] = gate.adoption(until).confirmed
                shown = nights_of(gate.confirmations(until), SERVED_AT, until, UTC)
                assert {night.date: night.confirmed for night in shown} == counted


@bounded
@given(doors(tuple(Fate)), st.booleans(), st.booleans())
def test_the_last_night_has_what_the_gate_counts_now(site: list[Door], cut_over: bool, proven: bool) -> None:
    evidence = RequiredEvidence.AUTHENTICATED if proven else RequiredEvidence.ANY
    with closing(Gate(GatePolicy(), evidence)) as gate:
        for until, found in batches(list(true_visits(site, cut_over=cut_over, proven=proven))):
            gate.take(found, until)
            if until > SERVED_AT:
                shown = nights_of(gate.confirmations(until), SERVED_AT, until, UTC)
                assert shown[-1].confirmed == gate.adoption(until).confirmed
                assert sorted(night.confirmed for night in shown) == [night.confirmed for night in shown]


moments = st.integers(0, 200 * 96).map(
    lambda quarters: datetime(2026, 1, 1, tzinfo=UTC) + quarters * timedelta(minutes=15)
)


@given(st.dictionaries(moments, st.integers(1, 9), max_size=20), moments, moments, st.integers(1, 60))
def test_every_night_is_the_sum_up_to_its_end(
    came: dict[datetime, int], since: datetime, now: datetime, most: int
) -> None:
    came = {at: count for at, count in came.items() if at <= now}
    found = nights_of(came, since, now, UTC, most)
    assert 1 <= len(found) <= most
    assert found[-1].date == night_of(now, UTC)
    for night in found:
        end = night_begins(night.date + timedelta(days=1), UTC)
        assert night.confirmed == sum(count for at, count in came.items() if at < end)
