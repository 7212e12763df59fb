"""Laws of the gate behind a cut path: whatever links say, a rotation comes no nearer to its next step or to its end."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from engage_server.records import (
    SILENCES,
    Adoption,
    CutPath,
    Doubt,
    GatePolicy,
    Limit,
    PathCut,
    RequiredEvidence,
    Rotation,
    RotationState,
    RotationWay,
)
from engage_server.services.rotation.gate.decision import Decision, Verdict, decide
from engage_server.services.rotation.gate.patience import TWO_NIGHTS, decide_with_path, noted
from tests.support.chains import NOW
from tests.support.forger import (
    FIRST_NIGHT,
    LAST_NIGHT,
    Door,
    Fate,
    Forged,
    Forgery,
    Gate,
    at_night,
    batches,
    forged_visits,
    true_visits,
)
from tests.support.lengths import examples

HOUR = timedelta(hours=1)
few = st.integers(0, 9)
limits = st.builds(Limit, few, st.sampled_from([0.0, 2.0, 5.0, 50.0]))
policies = st.builds(GatePolicy, limits, limits, st.sampled_from([0.0, 24.0]), st.booleans())
doubts = st.dictionaries(st.sampled_from(list(Doubt)), st.integers(1, 9), max_size=3)
cuts = st.builds(
    lambda hours, over: PathCut(NOW - hours * HOUR, NOW - over * HOUR if over and over < hours else None),
    st.integers(1, 60),
    st.integers(0, 40),
)


@st.composite
def adoptions(draw: st.DrawFn) -> Adoption:
    """Any counts, some of them behind a cut."""
    behind = draw(st.dictionaries(st.sampled_from(sorted(SILENCES)), st.integers(1, 40), max_size=3))
    confirmed, due, refused, silent, moved = (draw(few) for _ in range(5))
    doubtful = draw(doubts)
    waiting = due + sum(behind.values())
    return Adoption(
        2,
        NOW,
        devices=confirmed + waiting + refused + silent + moved + sum(doubtful.values()),
        confirmed=confirmed,
        waiting=waiting,
        refused=refused,
        silent=silent,
        moved=moved,
        doubtful=doubtful,
        elsewhere=draw(st.integers(0, 2)),
        behind_cut=behind,
    )


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    """A running rotation of two steps, whose decision may have been put off."""
    step, policy, soaked = draw(st.integers(1, 2)), draw(policies), draw(st.sampled_from([0.0, 90000.0]))
    running = (1, "main", RotationWay.LINKED_REKEY, RotationState.RUNNING, 1, (2, 3))
    rotation = Rotation(*running, step, NOW, "", policy, (), NOW, "me", soaked_seconds=soaked)
    put_off = draw(st.none() | st.integers(0, 60))
    return rotation if put_off is None else replace(rotation, postponed_since=NOW - put_off * HOUR)


def assert_no_nearer(without: Decision, found: Decision) -> None:
    """What a cut may make of a decision: a pause, and no step."""
    assert found.is_content is without.is_content
    assert (found.verdict is Verdict.GO_ON) is (without.verdict is Verdict.GO_ON)
    if found.verdict is Verdict.ROLL_BACK or without.verdict is Verdict.WAIT:
        assert found.verdict is without.verdict
    if found.is_put_off:
        assert without.verdict in (Verdict.ROLL_BACK, Verdict.ASK)
        assert found.verdict in (Verdict.WAIT, Verdict.ASK)


@given(rotations(), adoptions(), cuts)
@settings(max_examples=examples(all=300, quick=200, campaign=2000), deadline=None)
def test_a_cut_brings_nothing_nearer(rotation: Rotation, adoption: Adoption, cut: PathCut) -> None:
    without = decide(rotation, adoption.without_cut, NOW)
    assert_no_nearer(without, decide_with_path(rotation, adoption, CutPath(cut), NOW))
    assert decide_with_path(rotation, adoption.without_cut, None, NOW) == without


@given(rotations(), adoptions(), st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=9))
@settings(max_examples=examples(all=200, quick=100, campaign=500), deadline=None)
def test_nothing_is_put_off_for_longer_than_two_nights(
    rotation: Rotation, adoption: Adoption, told: list[tuple[int, int]]
) -> None:
    """However often links come and go: after two nights without a decision a person is asked."""
    rotation, now, put_off_since = replace(rotation, postponed_since=None), NOW, None
    for on, off in told * 4:
        begun = now
        for minute in (0, on * 60, on * 60 + 1, (on + off) * 60):
            now = begun + timedelta(minutes=minute)
            ended = begun + on * HOUR
            cut = PathCut(begun, ended if now > ended else None)
            decision = decide_with_path(rotation, adoption, CutPath(cut), now)
            rotation = noted(rotation, decision, now)
            put_off_since = (put_off_since or now) if decision.is_put_off else None
            if put_off_since is not None and now - put_off_since >= TWO_NIGHTS:
                assert decision.verdict is Verdict.ASK


nights = st.integers(0, LAST_NIGHT)
doors = st.lists(st.tuples(st.sampled_from(list(Fate)), st.integers(-6, 3)), min_size=3, max_size=8).map(
    lambda drawn: [Door(number, fate, moves_at) for number, (fate, moves_at) in enumerate(drawn)]
)
acts = st.lists(
    st.builds(
        Forged, st.integers(-2, LAST_NIGHT), st.sampled_from([0, 4, 15]), st.integers(0, 7), st.sampled_from(Forgery)
    ),
    max_size=6,
)
DARK = [Door(number, Fate.WELL if number < 2 else Fate.DEAD) for number in range(6)]


@given(doors, acts, st.integers(FIRST_NIGHT, LAST_NIGHT), st.integers(1, 90), st.booleans())
@example(DARK, [], 1, 30, False)
@example(DARK, [], 1, 30, True)
@settings(
    max_examples=examples(all=6, quick=4, campaign=40),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)
def test_the_counts_without_the_cut_are_those_that_never_knew_of_it(
    site: list[Door], forged: list[Forged], night: int, hours: int, tokens: bool
) -> None:
    """By the database: the cut moves doors that are silent to those that are waited for, and no other."""
    evidence = RequiredEvidence.AUTHENTICATED if tokens else RequiredEvidence.ANY
    visits = [*true_visits(site, cut_over=False, proven=tokens), *forged_visits(site, forged)]
    begun = at_night(night)
    with closing(Gate(GatePolicy(soak_hours=0), evidence)) as gate:
        for now, batch in batches(visits):
            gate.take(batch, now)
            if now < max(begun, at_night(0, 13)):
                continue
            ended = begun + hours * HOUR
            cut = PathCut(begun, ended if ended < now else None)
            without, found = gate.adoption(now), gate.adoption(now, cut)
            assert replace(found.without_cut, examples={}) == replace(without, examples={}), now
            assert_no_nearer(gate.look(now), gate.look(now, cut))
