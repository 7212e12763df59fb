"""The planner: what is due, which way is the safest, and what each would make devices see."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engage_server.checks.rules.name_rules import unnamed_hosts
from engage_server.lock.acceptance.judge import DeviceJudge
from engage_server.lock.limits import DeviceLimits
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.authority import ChainPlan, build_chain
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.records import AnchorRole, Host, RotationWay
from engage_server.services.evidence.pace import Pace
from engage_server.services.releases.expiry import MARGIN, expiries_of
from engage_server.services.rotation.planning.plan import RotationPlan, Situation, keys_for, make_plan
from tests.support.chains import HOSTS, NOW, Recipe, good_chain, key

DAY = timedelta(days=1)
PACE = Pace(3 * DAY, "measured", is_measured=True)
BUILT = good_chain("2026")


def plan(
    chain: Chain = BUILT.chain,
    now: datetime = NOW,
    anchor: AnchorRole = AnchorRole.ROOT,
    hosts: tuple[Host, ...] = HOSTS,
    first_key: int = 0,
) -> RotationPlan:
    situation = Situation(
        "main", hosts, anchor, 4, chain, unnamed_hosts(chain.server, hosts), now, PACE, frozenset({"intermediate"})
    )
    judge = DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)
    return make_plan(situation, [key(first_key + number) for number in range(keys_for(chain))], judge)


def possible(made: RotationPlan) -> set[RotationWay]:
    return {each.way for each in made.ways if not each.impossible}


def ends(role: str, chain: Chain = BUILT.chain) -> datetime:
    return next(each.not_after for each in expiries_of(chain, "main") if each.role == role)


def short_lived(role: str) -> Chain:
    """A chain of which this certificate ends first, together with those below it."""
    near = NOW + 400 * DAY
    if role == "intermediate":
        return Recipe(intermediate_until=near, server_until=near).build()[0]
    return build_chain(ChainPlan(HOSTS, lifetimes=Lifetimes(400, 400, 400)), NOW).chain


def test_a_fresh_chain_has_every_way_and_nothing_due() -> None:
    made = plan()
    assert (made.due, made.recommended) == ((), None)
    assert possible(made) == set(RotationWay)
    assert [each.way for each in made.ways] == list(RotationWay), "from the safest to the boldest"


@pytest.mark.parametrize(
    ("role", "recommended"),
    [
        ("server", RotationWay.SERVER_RENEWAL),
        ("intermediate", RotationWay.INTERMEDIATE_RENEWAL),
        ("root", RotationWay.ROOT_RENEWAL),
    ],
)
def test_what_is_due_asks_for_the_safest_way_that_renews_it(role: str, recommended: RotationWay) -> None:
    chain = BUILT.chain if role == "server" else short_lived(role)
    last = ends(role, chain) - MARGIN - PACE.time * (2 if role == "root" else 1)
    before, soon = plan(chain, last - 31 * DAY), plan(chain, last - 29 * DAY)
    assert role not in {each.role for each in before.due}
    assert soon.recommended is recommended
    assert soon.due[0].last_safe_start(PACE) <= soon.due[-1].last_safe_start(PACE)


def test_both_views_are_validated() -> None:
    views = {
        (each.way, chain.title): (not chain.old_refuses, not chain.new_refuses, chain.changes_anchor)
        for each in plan().ways
        for chain in each.chains
    }
    assert views == {
        (RotationWay.SERVER_RENEWAL, "next"): (True, True, False),
        (RotationWay.INTERMEDIATE_RENEWAL, "next"): (True, True, False),
        (RotationWay.ROOT_RENEWAL, "next"): (True, True, True),
        (RotationWay.LINKED_REKEY, "transition"): (True, True, True),
        (RotationWay.LINKED_REKEY, "next"): (False, True, True),
        (RotationWay.CUT_OVER, "next"): (False, True, True),
    }


def test_the_old_anchor_carries_as_long_as_what_it_needs() -> None:
    renewal = plan().way(RotationWay.ROOT_RENEWAL).chains[0]
    assert renewal.old_until == NOW + (825 - 7) * DAY - timedelta(seconds=1), "the server certificate's end"
    short = short_lived("root")
    later = plan(short, NOW + 200 * DAY).way(RotationWay.ROOT_RENEWAL).chains[0]
    assert later.old_until == ends("root", short), "its own end, once what is served outlives it"


def test_same_input_same_plan_whatever_the_keys() -> None:
    assert plan() == plan(first_key=10) == plan(first_key=3)
    assert plan() != plan(now=NOW + DAY)


def test_a_root_with_a_path_length_has_no_link() -> None:
    chain, _ = Recipe(root_path_length=1).build()
    made = plan(chain)
    assert possible(made) == set(RotationWay) - {RotationWay.LINKED_REKEY}
    assert "old anchor would refuse the transition chain" in made.way(RotationWay.LINKED_REKEY).impossible
    assert "path length" in made.way(RotationWay.LINKED_REKEY).impossible


def test_a_link_that_does_not_fit_is_not_offered() -> None:
    hosts = (HOSTS[0], *(Host(f"{number}-{'x' * 50}.locks.example.org") for number in range(16)))
    chain = build_chain(ChainPlan(hosts), NOW).chain
    made = plan(chain, hosts=hosts)
    linked = made.way(RotationWay.LINKED_REKEY)
    assert "devices accept at most 4096" in linked.impossible
    assert linked.chains[0].budget.left < 0
    assert RotationWay.CUT_OVER in possible(made)


def test_an_intermediate_as_anchor_makes_its_renewal_a_cut_over() -> None:
    made = plan(anchor=AnchorRole.INTERMEDIATE)
    assert RotationWay.SERVER_RENEWAL in possible(made)
    assert "old anchor would refuse" in made.way(RotationWay.INTERMEDIATE_RENEWAL).impossible
    assert not made.way(RotationWay.CUT_OVER).impossible


def test_keys_and_unknowns_are_told() -> None:
    made = plan()
    assert {each.way: each.key_is_at_hand for each in made.ways} == {
        RotationWay.SERVER_RENEWAL: True,
        RotationWay.INTERMEDIATE_RENEWAL: False,
        RotationWay.ROOT_RENEWAL: False,
        RotationWay.LINKED_REKEY: False,
        RotationWay.CUT_OVER: True,
    }
    linked = made.way(RotationWay.LINKED_REKEY).unknown
    assert any("measure the chain as PEM would refuse it" in each for each in linked)
    assert any("link certificate" in each for each in linked)
    assert made.way(RotationWay.SERVER_RENEWAL).unknown == ()


def test_an_expired_chain_has_only_what_mends_it() -> None:
    made = plan(now=ends("server") + DAY)
    assert made.due[0].role == "server"
    assert made.recommended is RotationWay.SERVER_RENEWAL
    gone = plan(now=ends("root") + DAY)
    assert gone.recommended is RotationWay.CUT_OVER, "nothing that the old root says counts any more"


def test_other_hosts_are_taken_over_by_a_server_renewal() -> None:
    made = plan(hosts=(Host("new.example.org"), Host("10.0.0.1")))
    assert made.way(RotationWay.SERVER_RENEWAL).chains[0].old_refuses == ""


def test_one_figure_for_each_certificate_with_its_role() -> None:
    linked = replace(BUILT.chain, links=(BUILT.chain.intermediates[0],))
    assert [each.role for each in expiries_of(linked, "main")] == ["server", "intermediate", "root", "link"]
