"""What kinds of path events mean in words, and what to do about each."""

import pytest

from engage_server.links.kpn.answering.message import KIND as KPN_MESSAGE
from engage_server.links.m2u.slots import MESSAGE, NEW_SERIAL_NUMBER
from engage_server.links.sim import conditions
from engage_server.links.sim.things import ThingState
from engage_server.links.telekom.notifications.desk import NOTIFICATION
from engage_server.records import LINK_REGISTERED, PathSays
from engage_server.services.site_path.standing import NO_LINK, SILENCE, PathState, SitePath
from engage_server.services.site_path.words import event_words, mend_of, sentence_of, state_words, why_of
from tests.support.path_events import at, path_event

CUT, DEGRADED = PathState.CUT, PathState.DEGRADED
ACTIVATE = 'Let its operator activate it: engage sim set --site depot --to ACTIVE --reason "..."'
SINCE = f"since {at(0):%Y-%m-%d %H:%M} UTC (link sim)"


def path(state: PathState, kind: str) -> SitePath:
    return SitePath(state, at(0), "sim", kind)


@pytest.mark.parametrize(
    ("state", "kind", "why", "mend"),
    [
        (CUT, "sim_suspended", "its SIM is suspended", ACTIVATE),
        (CUT, "sim_provisioned", "its SIM is not active yet", ACTIVATE),
        (DEGRADED, "sim_suspended", "one of its SIMs is suspended", ACTIVATE),
        (CUT, "sim_retired", "its SIM is retired", "Put another SIM into the router"),
        (CUT, "sim_not_found", "the operator does not know its SIM", "Put another SIM into the router"),
        (CUT, "sim_unreachable_long", "the network does not reach its SIM", "Look at the power and the signal"),
        (DEGRADED, "sim_unreachable_long", "the network does not reach one of its SIMs", "Look at the power"),
        (DEGRADED, "sim_unreachable", "the network does not reach its SIM", "Look at the power and the signal"),
        (DEGRADED, SILENCE, "its link says nothing", "Find out why: engage link events --link sim"),
        (CUT, "of_a_later_partner", "its path is cut", "Find out why: engage link events --link sim"),
        (PathState.OK, "sim_reachable", "its path works", "Find out why: engage link events --link sim"),
    ],
)
def test_each_kind(state: PathState, kind: str, why: str, mend: str) -> None:
    assert why_of(path(state, kind)) == why
    assert mend_of(path(state, kind), "depot").startswith(mend)


def test_the_sentence_of_a_site() -> None:
    cut, degraded = path(CUT, "sim_suspended"), path(DEGRADED, SILENCE)
    assert sentence_of(cut, "Depot Nord", 1) == f"1 door of Depot Nord is silent because its SIM is suspended {SINCE}"
    assert sentence_of(cut, "Depot Nord", 1200).startswith("1,200 doors of Depot Nord are silent because")
    assert sentence_of(cut, "Depot Nord", 9, is_complete=False).startswith("at least 9 doors of Depot Nord")
    assert sentence_of(degraded, "depot", 2) == f"2 doors of depot may be silent because its link says nothing {SINCE}"
    assert sentence_of(cut, "depot", 0) == f"the path to depot is cut: its SIM is suspended {SINCE}"
    assert sentence_of(path(CUT, "other"), "depot", 0) == f"the path to depot is cut {SINCE}"


def test_the_state_alone() -> None:
    assert state_words(path(CUT, "sim_suspended")) == f"cut: its SIM is suspended {SINCE}"
    assert state_words(path(PathState.OK, "kpn_message")) == f"ok {SINCE}"
    assert state_words(NO_LINK) == "unknown"


def test_events() -> None:
    """One of a kind that is not known is named by its kind."""
    event = path_event(PathSays.CUT, kind="sim_suspended", thing="8931440000000000001")
    assert event_words(event) == "the SIM is suspended (8931440000000000001)"
    assert event_words(path_event(kind=LINK_REGISTERED)) == "the link was registered"
    assert event_words(path_event(kind="of_a_later_partner")) == "of_a_later_partner"


def test_each_kind_that_links_report_has_words() -> None:
    """A new kind of theirs would otherwise be said in words that fit all."""
    kinds = {*conditions.KIND_OF_STATE.values(), conditions.REACHABLE, conditions.MOVED}
    troubles = {conditions.UNREACHABLE, conditions.UNREACHABLE_LONG, conditions.NOT_FOUND}
    for kind in kinds | troubles | {KPN_MESSAGE, MESSAGE, NEW_SERIAL_NUMBER, NOTIFICATION}:
        assert event_words(path_event(kind=kind)) != kind
    cuts = {kind for state, kind in conditions.KIND_OF_STATE.items() if state is not ThingState.ACTIVE}
    for kind in cuts | troubles:
        assert why_of(path(CUT, kind)) != why_of(path(CUT, "of_a_later_partner")), kind
