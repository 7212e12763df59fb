"""Which Things carry a site, and what their states say of the path."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.carried import carries, path_event, things_of
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import PathSays
from engage_server.services.site_path.event_lines import event_of, line_of
from tests.support.sim.memory import MemoryAccount, iccid, sims

NOW = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
ONE = SimLink("depot-sim", "depot", "jpu", (iccid(1),), "", "")
BY_GROUP = SimLink("depot-sim", "depot", "jpu", (), "locks", "")
BY_TAG = SimLink("depot-sim", "depot", "jpu", (), "", "depot")


def states(*given: ThingState | None) -> list[Thing]:
    return [replace(thing, state=state) for thing, state in zip(sims(len(given)), given, strict=True)]


@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        (ThingState.PROVISIONED, "sim_provisioned", PathSays.CUT),
        (ThingState.SUSPENDED, "sim_suspended", PathSays.CUT),
        (ThingState.RETIRED, "sim_retired", PathSays.CUT),
        (ThingState.ACTIVE, "sim_active", PathSays.RESTORED),
    ],
)
def test_one_sim_says_what_its_state_means(state: ThingState, kind: str, says: PathSays) -> None:
    event = path_event(ONE, states(state), NOW)
    assert event is not None
    assert (event.kind, event.says, event.site, event.link, event.at) == (kind, says, "depot", "depot-sim", NOW)
    assert event.detail == {"thing": iccid(1), "state": state.value, "group": "locks"}


def test_some_of_several_degrade_the_path_and_all_cut_it() -> None:
    suspended, active = ThingState.SUSPENDED, ThingState.ACTIVE
    some = path_event(BY_GROUP, states(active, suspended, suspended), NOW)
    assert some is not None
    assert (some.kind, some.says, some.detail["of"]) == ("sim_suspended", PathSays.DEGRADED, "2 of 3 SIMs")
    assert some.detail["thing"] == f"{iccid(2)}, {iccid(3)}"
    whole = path_event(BY_GROUP, states(ThingState.RETIRED, suspended), NOW)
    assert whole is not None
    assert (whole.kind, whole.says) == ("sim_suspended", PathSays.CUT), "what can be ended is named"


def test_a_state_that_nobody_knows_claims_nothing() -> None:
    assert path_event(ONE, states(None), NOW) is None
    assert path_event(ONE, [], NOW) is None
    assert path_event(BY_GROUP, states(ThingState.ACTIVE, None), NOW) is None
    some = path_event(BY_GROUP, states(ThingState.SUSPENDED, None), NOW)
    assert some is not None
    assert some.says is PathSays.DEGRADED


@given(st.lists(st.sampled_from([*ThingState, None]), max_size=30))
def test_a_path_is_cut_only_if_no_sim_may_carry_it(given_states: list[ThingState | None]) -> None:
    event = path_event(BY_GROUP, states(*given_states), NOW)
    may_carry = any(each in (ThingState.ACTIVE, None) for each in given_states)
    assert (event is not None and event.says is PathSays.CUT) is (bool(given_states) and not may_carry)
    assert event is None or event_of(line_of(event)) == event, "it fits into a line"


def test_a_link_names_its_things_by_identity_group_or_tag() -> None:
    mine, other = sims(2)
    strange = replace(other, group="spare", tags=())
    assert [carries(link, mine) for link in (ONE, BY_GROUP, BY_TAG)] == [True, True, True]
    assert [carries(link, strange) for link in (ONE, BY_GROUP, BY_TAG)] == [False, False, False]
    account = MemoryAccount([mine, strange])
    assert [[each.thing for each in things_of(link, account)] for link in (ONE, BY_GROUP, BY_TAG)] == [[iccid(1)]] * 3
