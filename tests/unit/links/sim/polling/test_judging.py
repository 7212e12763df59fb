"""What follows from what was known of SIMs and what the account says now."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.polling.judging import TROUBLE_AGAIN, Judged, Seen, judged
from engage_server.links.sim.polling.memory import LinkMemory
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.records import LINK_REGISTERED, LINK_REMOVED, LinkStanding, PathEvent, PathSays
from engage_server.services.site_path.event_lines import event_of, line_of
from engage_server.services.site_path.fold import noted
from engage_server.services.site_path.standing import PathState, link_path
from tests.support.lengths import examples
from tests.support.polling import NOON, one_link
from tests.support.sim.memory import iccid, sims

ONE, TWO = one_link(1).link, one_link(1, 2).link
HALF_A_DAY = timedelta(hours=12)
TROUBLE = (PathSays.CUT, PathSays.DEGRADED)


def seen(
    state: ThingState | None = ThingState.ACTIVE,
    reach: Reachability = Reachability.DATA,
    *,
    number: int = 1,
    imei: str = "490154203237518",
    connected: bool | None = None,
) -> Seen:
    """What the account says of one SIM."""
    thing = replace(sims(number)[-1], state=state, imei=imei, is_connected=connected)
    return Seen(thing.thing, thing, Reached(reach))


ACTIVE, UNKNOWN, AWAY = seen(), seen(reach=Reachability.UNKNOWN), seen(reach=Reachability.NONE)
SUSPENDED = seen(ThingState.SUSPENDED, Reachability.UNKNOWN)
GONE = Seen(iccid(1), None)


class Told:
    """A link, round after round."""

    def __init__(self, link: SimLink = ONE, repeat: timedelta = HALF_A_DAY) -> None:
        self.link, self.repeat = link, repeat
        self.memory, self.now = LinkMemory(), NOON
        self.events: list[PathEvent] = []
        self.standing: LinkStanding | None = LinkStanding("depot-sim", "depot")

    def round(self, *things: Seen, minutes: float = 15) -> list[tuple[str, str]]:
        """Kind and path of what follows from the next round."""
        self.now += timedelta(minutes=minutes)
        found: Judged = judged(self.link, self.memory, things, self.now, self.repeat)
        self.memory = found.memory
        self.events += found.events
        for event in found.events:
            self.standing = noted(self.standing, event)
        return [(event.kind, event.says.value) for event in found.events]

    def path(self) -> PathState:
        """What the store then believes."""
        assert self.standing is not None
        return link_path(self.standing, self.now).state


def test_what_changes_is_told_once() -> None:
    told = Told()
    assert told.round(ACTIVE) == [("sim_reachable", "works")]
    assert told.round(ACTIVE) == []
    assert told.round(SUSPENDED) == [("sim_suspended", "cut")]
    assert told.path() is PathState.CUT
    assert told.round(SUSPENDED) == told.round(SUSPENDED) == []
    assert told.round(ACTIVE) == [("sim_reachable", "works")]
    assert told.path() is PathState.OK


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        (SUSPENDED, "sim_suspended"),
        (seen(ThingState.PROVISIONED), "sim_provisioned"),
        (seen(ThingState.RETIRED), "sim_retired"),
    ],
)
def test_what_carries_nothing_cuts_the_path(thing: Seen, kind: str) -> None:
    told = Told()
    assert told.round(thing) == [(kind, "cut")]
    assert told.path() is PathState.CUT


@pytest.mark.parametrize(
    "meanwhile",
    [
        [PathEvent("depot", "depot-sim", NOON + timedelta(minutes=35), "sim_active", PathSays.RESTORED)],
        [
            PathEvent("depot", "depot-sim", NOON + timedelta(minutes=20), LINK_REMOVED, PathSays.NOTHING),
            PathEvent("depot", "depot-sim", NOON + timedelta(minutes=21), LINK_REGISTERED, PathSays.NOTHING),
        ],
    ],
)
def test_trouble_that_lasts_is_believed_within_the_hour_whatever_others_said(meanwhile: list[PathEvent]) -> None:
    """Also when their clock is ahead: what a round says just after may count as older."""
    told = Told()
    told.round(SUSPENDED)
    for event in meanwhile:
        told.standing = noted(told.standing, event)
    for _ in range(4):
        told.round(SUSPENDED)
    assert told.path() is PathState.CUT
    events = len(told.events)
    for _ in range(4 * 24):
        told.round(SUSPENDED)
    assert len(told.events) - events == 32, "a line in 45 minutes, not in each round"


def test_memory_that_is_lost_gives_no_keys_of_older_events() -> None:
    told = Told()
    for thing in (ACTIVE, SUSPENDED, ACTIVE):
        told.round(thing)
    told.memory = LinkMemory()
    for thing in (ACTIVE, SUSPENDED, SUSPENDED):
        told.round(thing)
    keys = [event.key for event in told.events]
    assert len(set(keys)) == len(keys) - 1, "the very first may pass for a repetition"
    assert keys[-1] not in keys[:-1]


def test_a_sim_that_the_account_no_longer_has_cuts_the_path_and_one_that_it_never_had_says_nothing() -> None:
    told = Told()
    assert told.round(GONE) == told.round(GONE) == []
    told.round(ACTIVE)
    assert told.round(GONE) == [("sim_not_found", "cut")]
    assert told.round(GONE) == []
    assert told.round(ACTIVE) == [("sim_reachable", "works")]
    both = Told(TWO)
    assert both.round(GONE, seen(number=2)) == [("sim_reachable", "works")]
    suspended = seen(ThingState.SUSPENDED, number=2)
    assert both.round(GONE, suspended) == [("sim_suspended", "degraded")], "it may carry the site under another name"


def test_an_hour_without_reach_is_a_cut() -> None:
    told = Told()
    told.round(ACTIVE)
    assert told.round(AWAY) == [("sim_unreachable", "degraded")]
    assert told.round(AWAY, minutes=44) == []
    assert told.round(AWAY, minutes=15) == [("sim_unreachable", "degraded")]
    assert told.round(AWAY, minutes=1) == [("sim_unreachable_long", "cut")]
    assert told.round(AWAY, minutes=30) == []
    assert told.round(AWAY, minutes=600) == [("sim_unreachable_long", "cut")]
    assert told.round(ACTIVE) == [("sim_reachable", "works")]
    assert told.round(AWAY) == [("sim_unreachable", "degraded")], "the hour begins anew"


def test_a_network_that_does_not_know_changes_nothing() -> None:
    told = Told()
    told.round(AWAY)
    assert told.round(UNKNOWN) == []
    assert told.path() is PathState.DEGRADED
    told = Told()
    told.round(ACTIVE)
    assert told.round(UNKNOWN) == []


def test_only_sms_is_degraded_and_never_a_cut() -> None:
    told = Told()
    only_sms = seen(reach=Reachability.SMS)
    assert told.round(only_sms) == [("sim_unreachable", "degraded")]
    assert told.round(only_sms, minutes=600) == [("sim_unreachable", "degraded")]


def test_a_session_is_reach_where_the_network_says_nothing() -> None:
    assert Told().round(seen(reach=Reachability.UNKNOWN, connected=True)) == [("sim_reachable", "works")]
    assert Told().round(seen(reach=Reachability.UNKNOWN, connected=False)) == [("sim_active", "restored")]
    assert Told().round(seen(reach=Reachability.NONE, connected=True)) == [("sim_unreachable", "degraded")]
    assert Told().round(seen(ThingState.SUSPENDED, Reachability.UNKNOWN, connected=True)) == [("sim_suspended", "cut")]


def test_an_account_without_states_is_believed_by_reach_alone() -> None:
    def reach(reachability: Reachability) -> Seen:
        return Seen(iccid(1), Thing(iccid(1), None), Reached(reachability), has_states=False)

    told = Told()
    assert told.round(reach(Reachability.UNKNOWN)) == []
    assert told.round(reach(Reachability.DATA)) == [("sim_reachable", "works")]
    assert told.round(reach(Reachability.NONE)) == [("sim_unreachable", "degraded")]
    assert told.round(reach(Reachability.NONE), minutes=60) == [("sim_unreachable_long", "cut")]
    # the negative control: where states are known, an unknown one proves nothing
    assert Told().round(seen(None)) == []


def test_active_again_ends_the_cut_and_claims_nothing() -> None:
    told = Told()
    told.round(SUSPENDED)
    assert told.round(UNKNOWN) == [("sim_active", "restored")]
    assert told.path() is PathState.UNKNOWN


def test_a_cut_that_becomes_degraded_ends_first() -> None:
    told = Told()
    told.round(SUSPENDED)
    assert told.round(AWAY) == [("sim_active", "restored"), ("sim_unreachable", "degraded")]
    assert told.path() is PathState.DEGRADED


def test_of_several_sims_some_degrade_and_all_cut() -> None:
    told, second = Told(TWO), seen(number=2)
    assert told.round(ACTIVE, second) == [("sim_reachable", "works")]
    assert told.round(SUSPENDED, second) == [("sim_suspended", "degraded")]
    assert told.events[-1].detail["of"] == "1 of 2 SIMs"
    suspended_too = seen(ThingState.SUSPENDED, number=2)
    assert told.round(SUSPENDED, suspended_too) == [("sim_suspended", "cut")]
    assert told.round(suspended_too, SUSPENDED) == [], "the order of a list means nothing"
    assert told.round(SUSPENDED, second) == [("sim_active", "restored"), ("sim_suspended", "degraded")]
    assert told.path() is PathState.DEGRADED


def test_another_device_is_told_once_and_says_nothing_of_the_path() -> None:
    told = Told()
    told.round(ACTIVE)
    elsewhere = seen(imei="352099001761481")
    assert told.round(elsewhere) == [("sim_moved", "nothing")]
    detail = told.events[-1].detail
    assert (detail["imei_before"], detail["imei"]) == ("490154203237518", "352099001761481")
    assert told.round(elsewhere) == told.round(seen(imei="")) == told.round(elsewhere) == []
    assert told.path() is PathState.OK


def test_other_software_in_the_same_device_is_no_theft() -> None:
    told = Told()
    told.round(seen(imei="490154203237518"))
    assert told.round(seen(imei="4901542032375104")) == []


def test_that_it_works_is_told_again_before_it_is_no_longer_believed() -> None:
    told = Told()
    told.round(ACTIVE)
    for _ in range(200):
        assert told.round(ACTIVE) in ([], [("sim_reachable", "works")])
        assert told.path() is PathState.OK
    assert 4 <= len(told.events) <= 6


def test_a_clock_that_was_set_back_does_not_silence_a_path() -> None:
    told = Told()
    told.round(ACTIVE)
    assert told.round(ACTIVE, minutes=-100_000) == [("sim_reachable", "works")]


def test_a_round_that_is_done_again_gives_the_same_keys() -> None:
    first = judged(ONE, LinkMemory(), [SUSPENDED], NOON, HALF_A_DAY)
    again = judged(ONE, LinkMemory(), [SUSPENDED], NOON + timedelta(minutes=1), HALF_A_DAY)
    later = judged(ONE, judged(ONE, first.memory, [ACTIVE], NOON, HALF_A_DAY).memory, [SUSPENDED], NOON, HALF_A_DAY)
    assert first.events[0].key == again.events[0].key
    assert later.events[0].key != first.events[0].key


def _second(each: Seen) -> Seen:
    assert each.thing is not None
    return Seen(iccid(2), replace(each.thing, thing=iccid(2)), each.reached)


_SEEN = st.builds(
    seen,
    st.sampled_from([*ThingState, None]),
    st.sampled_from(Reachability),
    imei=st.sampled_from(["", "490154203237518", "352099001761481"]),
    connected=st.sampled_from([True, False, None]),
)
_ROUND = st.tuples(st.tuples(st.one_of(_SEEN, st.just(GONE)), _SEEN.map(_second)), st.floats(0.1, 200))


def _works(each: Seen) -> bool:
    return each.thing is not None and each.thing.state is ThingState.ACTIVE


@settings(max_examples=examples(all=500, quick=150, campaign=2000))
@given(st.lists(_ROUND, max_size=12))
def test_trouble_is_seldom_told_twice_and_nothing_works_that_is_not_active(
    rounds: list[tuple[tuple[Seen, Seen], float]],
) -> None:
    told, last, last_at = Told(TWO), "", NOON
    for things, minutes in rounds:
        begin = len(told.events)
        told.round(*things, minutes=minutes)
        new = told.events[begin:]
        of_path = [event for event in new if event.says is not PathSays.NOTHING]
        assert [event.says for event in of_path[:-1]] in ([], [PathSays.RESTORED])
        for event in of_path:
            shown = f"{event.kind} {event.says} {event.detail}"
            assert event.says not in TROUBLE or shown != last or event.at - last_at >= TROUBLE_AGAIN
            last, last_at = shown, event.at
            if event.says is PathSays.WORKS:
                assert any(map(_works, things))
            if event.says is PathSays.CUT:
                assert not any(_works(each) and each.reached.reachability is Reachability.DATA for each in things)
        assert all(event_of(line_of(event)) == event for event in new)
    assert len({event.key for event in told.events}) == len(told.events)


@settings(max_examples=examples(all=300, quick=100, campaign=1000))
@given(st.lists(_ROUND, min_size=1, max_size=10))
def test_the_store_believes_what_the_last_round_says(rounds: list[tuple[tuple[Seen, Seen], float]]) -> None:
    told = Told(TWO)
    for things, minutes in rounds:
        told.round(*things, minutes=minutes)
        if told.memory.says in ("cut", "degraded"):
            assert told.path().value == told.memory.says
        else:
            assert told.path() in (PathState.OK, PathState.UNKNOWN)
