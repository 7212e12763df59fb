"""Laws of the gate under forged evidence: what somebody does in the doors' names makes it pause, and nothing else.

The universe is told in ``tests/support/forger.py``. ``scripts/forger`` runs the same for longer.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engage_server.records import GatePolicy, Limit, RequiredEvidence
from engage_server.services.rotation.gate.decision import Verdict
from tests.support.forger import (
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
from tests.support.lengths import examples, spread

EXAMPLES = int(os.environ.get("FORGER_EXAMPLES", examples(all=6, quick=4, campaign=40)))
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize="FORGER_EXAMPLES" not in os.environ,
    phases=list(Phase) if "FORGER_EXAMPLES" in os.environ else [Phase.explicit, Phase.generate],  # shrinking takes long
)

fates = st.sampled_from(list(Fate))
doors = st.lists(st.tuples(fates, st.integers(-6, 3)), min_size=3, max_size=9).map(
    lambda drawn: [Door(number, fate, moves_at) for number, (fate, moves_at) in enumerate(drawn)]
)
policies = st.sampled_from(
    [
        GatePolicy(),
        GatePolicy(soak_hours=0),
        GatePolicy(missing=Limit(3, 25.0), lost=Limit(0, 0.0), soak_hours=0),
        GatePolicy(missing=Limit(9, 50.0), lost=Limit(1, 40.0), soak_hours=36),
        GatePolicy(lost=Limit(0, 0.0)),
    ]
)
forgeries = st.sampled_from(list(Forgery))


def acts(first_night: int) -> st.SearchStrategy[list[Forged]]:
    """What the forger does, from that night on: single acts, and the same against many doors night after night."""
    nights, hours = st.integers(first_night, LAST_NIGHT), st.sampled_from([0, 2, 4, 9, 15, 21])
    single = st.builds(Forged, nights, hours, st.integers(0, 8), forgeries).map(lambda act: [act])
    campaign = st.builds(
        lambda begin, count, hour, victims, what: [
            Forged(night, hour, victim, what)
            for night in range(begin, min(begin + count, LAST_NIGHT + 1))
            for victim in victims
        ],
        nights,
        st.integers(1, 6),
        hours,
        st.sets(st.integers(0, 8), min_size=1),
        forgeries,
    )
    return st.lists(single | campaign, min_size=1, max_size=6).map(
        lambda lists: [act for some in lists for act in some]
    )


@bounded
@given(doors, acts(-2), policies, st.booleans())
def test_forged_visits_change_the_verdict_to_nothing_but_a_pause(
    site: list[Door], forged: list[Forged], policy: GatePolicy, cut_over: bool
) -> None:
    """At each look: the verdict is the one without the forged visits, or the gate asks."""
    assert_nothing_but_a_pause(site, forged, policy, cut_over=cut_over)


def assert_nothing_but_a_pause(
    site: Sequence[Door], forged: Sequence[Forged], policy: GatePolicy, *, cut_over: bool = False
) -> None:
    """Hold one site against the law."""
    true = list(true_visits(site, cut_over=cut_over))
    with closing(Gate(policy)) as without, closing(Gate(policy)) as forged_too:
        mixed = batches([*true, *forged_visits(site, forged)])
        for (now, honest), (_, both) in zip(batches(true), mixed, strict=True):
            without.take(honest, now)
            forged_too.take(both, now)
            if now == at_night(0, 12):
                continue
            expected, found = without.look(now), forged_too.look(now)
            if forged_too.has_taken_over_one():
                return  # see test_one_silent_door_can_be_impersonated
            assert found.verdict in (expected.verdict, Verdict.ASK), f"{now}: {expected} became {found}"


@bounded
@given(doors, acts(-6), policies, st.booleans())
def test_with_tokens_even_the_doors_own_addresses_finish_nothing_and_turn_nothing_back(
    site: list[Door], forged: list[Forged], policy: GatePolicy, cut_over: bool
) -> None:
    """Who calls from where the doors call, without their key, can hold a rotation up, and no more."""
    true = list(true_visits(site, cut_over=cut_over, proven=True))
    authenticated = RequiredEvidence.AUTHENTICATED
    with closing(Gate(policy, authenticated)) as without, closing(Gate(policy, authenticated)) as forged_too:
        mixed = batches([*true, *forged_visits(site, forged, from_home=True)])
        for (now, honest), (_, both) in zip(batches(true), mixed, strict=True):
            without.take(honest, now)
            forged_too.take(both, now)
            if now == at_night(0, 12):
                continue
            expected, found = without.look(now), forged_too.look(now)
            if found.verdict in (Verdict.GO_ON, Verdict.ROLL_BACK):
                assert found.verdict is expected.verdict, f"{now}: {expected} became {found}"


def verdicts(
    site: Sequence[Door],
    forged: Sequence[Forged],
    *,
    from_home: bool = False,
    tokens: bool = False,
    policy: GatePolicy | None = None,
) -> list[Verdict]:
    """What the gate says, look by look."""
    evidence = RequiredEvidence.AUTHENTICATED if tokens else RequiredEvidence.ANY
    found = [*true_visits(site, cut_over=False, proven=tokens), *forged_visits(site, forged, from_home=from_home)]
    with closing(Gate(policy or GatePolicy(), evidence)) as gate:
        said = []
        for now, batch in batches(found):
            gate.take(batch, now)
            said.append(gate.look(now).verdict)
        return said[1:]


def nightly(victims: Sequence[int], *what: Forgery) -> list[Forged]:
    """Each night of the step, against these doors."""
    return [Forged(night, 3, victim, each) for night in range(1, LAST_NIGHT + 1) for victim in victims for each in what]


SITE = [Door(number, Fate.WELL) for number in range(6)]
DARK = [Door(number, Fate.WELL if number < 2 else Fate.DEAD) for number in range(6)]


ABSENT = [
    DARK,
    [*SITE[:3], *(Door(number, Fate.SLEEPER) for number in (3, 4, 5))],
    [*SITE[:3], *(Door(number, Fate.MOVER, moves_at=-3) for number in (3, 4))],
    [*SITE[:3], *(Door(number, Fate.DEAD_BEHIND_NAT) for number in (3, 4))],
]


@pytest.mark.parametrize(
    ("site", "what", "begin"),
    spread(product(ABSENT, (Forgery.ACCEPTS, Forgery.ASKS, Forgery.REFUSES), (-2, 0)), every=5),
)
def test_campaigns_night_after_night(site: list[Door], what: Forgery, begin: int) -> None:
    """The sequences that come closest: everybody who is not there is impersonated, each night, until the end."""
    victims = [place for place, door in enumerate(site) if door.fate is not Fate.WELL]
    forged = [Forged(night, 4, victim, what) for night in range(begin, LAST_NIGHT + 1) for victim in victims]
    for policy in (GatePolicy(), GatePolicy(lost=Limit(0, 0.0), soak_hours=0)):
        assert_nothing_but_a_pause(site, forged, policy)


class TestWhatTheLawsAreWorth:
    """The same forgeries where nothing stops them, and the verdicts that they would have changed."""

    def test_without_a_forger(self) -> None:
        assert verdicts(SITE, [])[-1] is Verdict.GO_ON
        assert Verdict.ROLL_BACK in verdicts(DARK, [])

    def test_from_home_refusals_turn_it_back(self) -> None:
        refusals = [Forged(0, 15, victim, Forgery.REFUSES) for victim in range(3)]
        assert verdicts(SITE, refusals, from_home=True)[0] is Verdict.ROLL_BACK
        assert Verdict.ROLL_BACK not in verdicts(SITE, refusals)
        assert Verdict.ROLL_BACK not in verdicts(SITE, refusals, from_home=True, tokens=True)

    def test_from_home_downloads_pause_it(self) -> None:
        downloads = [Forged(0, 15, victim, Forgery.DOWNLOADS) for victim in range(3)] * 2
        assert verdicts(SITE, downloads, from_home=True)[0] is Verdict.ASK
        assert verdicts(SITE, downloads) == verdicts(SITE, []), "from elsewhere they are not even that"

    def test_from_home_a_dark_site_is_finished(self) -> None:
        assert verdicts(DARK, nightly(range(2, 6), Forgery.ACCEPTS), from_home=True)[-1] is Verdict.GO_ON
        assert Verdict.GO_ON not in verdicts(DARK, nightly(range(2, 6), Forgery.ACCEPTS))
        assert Verdict.GO_ON not in verdicts(DARK, nightly(range(2, 6), Forgery.ACCEPTS), from_home=True, tokens=True)


def test_one_silent_door_can_be_impersonated() -> None:
    """What nothing can tell apart: a door that fell silent, and calls from one new address on three nights running."""
    one_dark = [*SITE[:5], Door(5, Fate.DEAD)]
    assert Verdict.GO_ON not in verdicts(one_dark, [])[2:]
    assert verdicts(one_dark, nightly([5], Forgery.ACCEPTS))[-1] is Verdict.GO_ON
    moved = [*SITE[:5], Door(5, Fate.MOVER, moves_at=1)]
    assert verdicts(moved, [])[-1] is Verdict.GO_ON
    two_dark = [*SITE[:4], Door(4, Fate.DEAD), Door(5, Fate.DEAD)]
    assert Verdict.GO_ON not in verdicts(two_dark, nightly([4, 5], Forgery.ACCEPTS))[2:], "an address has one device"
    assert Verdict.GO_ON not in verdicts(one_dark, nightly([5, 0], Forgery.ACCEPTS))[2:]


def test_an_audit_without_a_token_takes_nothing_back() -> None:
    site = [*SITE[:5], Door(5, Fate.SAYS_NO)]
    taken_back = nightly([5], Forgery.SAYS_YES)
    assert verdicts(site, taken_back, from_home=True)[-1] is Verdict.GO_ON
    assert Verdict.GO_ON not in verdicts(site, taken_back, from_home=True, tokens=True)


def test_who_takes_their_names_does_not_keep_them_waiting() -> None:
    """By plain HTTP alone, on three nights: they have moved, as far as can be told, and are not waited for."""
    assert Verdict.WAIT not in verdicts(DARK, nightly(range(2, 6), Forgery.ASKS))[5:]
    behind_nat = [*SITE[:2], Door(2, Fate.DEAD_BEHIND_NAT), Door(3, Fate.DEAD_BEHIND_NAT)]
    moved_away = verdicts(behind_nat, nightly([2], Forgery.ASKS), policy=GatePolicy(lost=Limit(0, 0.0)))
    assert Verdict.ROLL_BACK not in moved_away, "the other one is not alone there now"
