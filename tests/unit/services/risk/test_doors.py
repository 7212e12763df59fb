"""Which doors are at risk, and why: each kind alone, and beside it what is only just none."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.records import CutPath, DeviceHistory, GatePolicy, PathCut, Rotation, RotationState, RotationWay
from engage_server.services.releases.expiry import Expiry
from engage_server.services.risk.doors import doors_at_risk, silent_by_path
from engage_server.services.risk.kinds import KINDS, OF_DIAGNOSIS, Severity
from engage_server.services.risk.known import NO_DOORS, DoorAtRisk, Prospect, SilentDoors, SiteKnown, SiteTonight
from engage_server.services.risk.sites import next_step_tonight, site_risks
from engage_server.services.site_path.standing import NO_LINK, PathState, SitePath
from tests.support.chains import NOW
from tests.support.risks import DAY, FAR, HOUR, UNTIL, calm, well
from tests.support.world import serial_of

SECOND = timedelta(seconds=1)
CUT = SitePath(PathState.CUT, NOW - HOUR, "sim", "kpn_cut")
WAS_CUT: dict[str, Any] = {"cut": CutPath(PathCut(NOW - 30 * HOUR, NOW - 26 * HOUR))}
CUT_OFF: dict[str, Any] = {"path": CUT, "cut": CutPath(PathCut(NOW - HOUR), "its path is cut", "Look.")}
DEGRADED: dict[str, Any] = {"path": replace(CUT, state=PathState.DEGRADED)}
ELSEWHERE: dict[str, Any] = {"away": "198.51.100.1", "away_seen_at": NOW - SECOND, "away_since": NOW - HOUR}
WEEKLY: dict[str, Any] = {"due_at": NOW - HOUR + timedelta(days=14, hours=12)}  # expected in six days and 23 hours
MET = (1, 1, False)

Case = tuple[dict[str, Any], dict[str, Any]]  # how the site and the door differ from those that are well
OF_DOORS: dict[str, list[tuple[Case, Case]]] = {
    "risk.refused_tls": [
        (({}, {"refusals": 1, "failure": "alert unknown_ca"}), ({}, {"failure": "closed"})),
        (({}, {"anchor_failed_at": NOW - DAY, "report": "0B0A"}), ({}, {"report": "0B07", "reported_at": NOW})),
    ],
    "risk.no_return": [
        (({}, {"certificates": 2}), ({}, {"certificates": 1})),
        (({}, {"notices": 2}), ({}, {"notices": 1})),
    ],
    "risk.refuses_served": [
        (({"prospects": {MET: Prospect(refuses_served=True)}}, {}), ({"prospects": {}}, {})),
    ],
    "risk.refuses_next": [
        (
            ({"prospects": {MET: Prospect(refuses_next=True)}, "next_release": 2}, {}),
            ({"prospects": {MET: Prospect(refuses_next=True)}}, {}),  # no step may come tonight
        ),
    ],
    "risk.anchor_ends": [
        (
            ({"prospects": {MET: Prospect(anchor_ends=UNTIL - SECOND)}}, {}),
            ({"prospects": {MET: Prospect(anchor_ends=NOW + DAY)}}, {}),  # it is expected an hour before
        ),
        (
            ({"prospects": {MET: Prospect(anchor_ends=NOW + 6 * DAY)}}, WEEKLY),
            ({"prospects": {MET: Prospect(anchor_ends=NOW + 8 * DAY)}}, WEEKLY),
        ),
    ],
    "risk.certificate_ends": [
        (
            ({"ends": (Expiry("main", "server", NOW + 6 * DAY),)}, WEEKLY),
            ({"ends": (Expiry("main", "server", NOW + 8 * DAY),)}, WEEKLY),
        ),
        (
            ({"ends": (Expiry("main", "intermediate", NOW + 6 * DAY),)}, WEEKLY),
            ({"ends": (Expiry("main", "link", NOW + 6 * DAY),)}, WEEKLY),  # only some need it
        ),
    ],
    "risk.other_host": [
        (({}, {"host": "old.example", "finished_release": 2}), ({}, {"host": "old.example"})),  # it accepts release 1
        (({}, {"host": "old.example", "finished_release": 2}), ({}, {"host": ""})),  # it says nothing
    ],
    "risk.silent": [
        (({}, {"due_at": NOW - SECOND}), ({}, {"due_at": NOW})),
        (({}, {"due_at": NOW - SECOND}), ({"gaps": ("host a is not heard",)}, {"due_at": NOW - SECOND})),
        (({}, {"due_at": NOW - SECOND}), (CUT_OFF, {"due_at": NOW - SECOND})),
        ((CUT_OFF, {"due_at": NOW - HOUR - SECOND}), (CUT_OFF, {"due_at": NOW - HOUR})),  # it was silent before
        ((DEGRADED, {"due_at": NOW - SECOND}), (CUT_OFF, {"due_at": NOW - SECOND})),
        ((CUT_OFF, {"due_at": NOW - SECOND, **ELSEWHERE}), (CUT_OFF, {"due_at": NOW - SECOND})),  # it calls, so it can
    ],
    "risk.contested": [
        (({}, {"is_contested": True, "away": "198.51.100.1"}), ({}, {"away": "198.51.100.1"})),
    ],
    "risk.reports": [
        (
            ({}, {"report": "0B05", "reported_at": NOW - 6 * DAY}),
            ({}, {"report": "0B05", "reported_at": NOW - 8 * DAY}),
        ),
    ],
}
OPEN = Rotation(
    number=1,
    site="main",
    way=RotationWay.SERVER_RENEWAL,
    state=RotationState.RUNNING,
    from_release=1,
    releases=(2,),
    step=1,
    step_at=NOW,
    folder="",
    policy=GatePolicy(),
    after=(),
    started_at=NOW,
    started_by="tester",
)
OF_SITES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "risk.path_cut": ({"path": CUT}, {"path": replace(CUT, state=PathState.OK)}),
    "risk.path_degraded": (
        {"path": replace(CUT, state=PathState.DEGRADED)},
        {"path": replace(CUT, state=PathState.UNKNOWN)},
    ),
    "risk.path_was_cut": (WAS_CUT, WAS_CUT | {"cut": CutPath(PathCut(NOW - 30 * HOUR, NOW - 27 * HOUR))}),
    "risk.evidence_missing": ({"gaps": ("host a is not heard",)}, {"gaps": ()}),
    "risk.certificate_ends_tonight": (
        {"ends": (Expiry("main", "server", UNTIL - SECOND),)},
        {"ends": (Expiry("main", "server", UNTIL),)},
    ),
    "risk.rotation_waits": (
        {"rotation": replace(OPEN, state=RotationState.HELD, why="a door is lost")},
        {"rotation": OPEN},
    ),
    "risk.renewal_late": ({"urgencies": {Expiry("main", "server", FAR): "late"}}, {"urgencies": {}}),
    "risk.renewal_soon": ({"urgencies": {Expiry("main", "server", FAR): "soon"}}, {"urgencies": {}}),
}
CASES = [
    pytest.param(code, bad, good, id=f"{code}-{number}")
    for code, pairs in OF_DOORS.items()
    for number, (bad, good) in enumerate(pairs)
]


def codes(known: SiteKnown, device: DeviceHistory) -> list[str]:
    return [risk.kind.code for door in doors_at_risk(known, [device]) for risk in door.risks]


def test_nothing_is_at_risk_where_all_is_well() -> None:
    assert doors_at_risk(calm(), [well(number) for number in range(9)]) == ()
    assert site_risks(calm()) == ()
    assert not SiteTonight("main", NOW, UNTIL, (), ()).needs_attention


@pytest.mark.parametrize(("code", "bad", "good"), CASES)
def test_each_kind_alone(code: str, bad: Case, good: Case) -> None:
    assert codes(calm(**bad[0]), well(**bad[1])) == [code]
    assert codes(calm(**good[0]), well(**good[1])) == []


@pytest.mark.parametrize("code", OF_SITES)
def test_each_kind_of_a_site(code: str) -> None:
    bad, good = OF_SITES[code]
    silent = well(1, due_at=NOW - HOUR)
    for known, found in ((calm(**bad), [code]), (calm(**good), [])):
        assert [risk.kind.code for risk in site_risks(known, silent_by_path(known, [silent]))] == found


def test_every_kind_has_its_case() -> None:
    unseen = {"risk.other_site", "risk.never_seen"}
    assert {*OF_DOORS, *OF_SITES, *unseen} == {kind.code for kind in KINDS}
    assert {kind.code for kind in OF_DIAGNOSIS.values()} <= {kind.code for kind in KINDS}


def test_the_table_is_the_worst_first() -> None:
    severities = [kind.severity for kind in KINDS]
    assert severities == sorted(severities, reverse=True)
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_doors_that_were_never_seen() -> None:
    first, second = doors_at_risk(calm(), [], {serial_of(1): "", serial_of(2): "north"})
    assert (first.identity, first.severity, first.risks[0].kind.code) == (
        serial_of(2),
        Severity.MEDIUM,
        "risk.other_site",
    )
    assert "answered" in first.risks[0].why or "north" in first.risks[0].why
    assert (second.severity, second.risks[0].kind.code) == (Severity.LOW, "risk.never_seen")
    assert not SiteTonight("main", NOW, UNTIL, (), (second,)).needs_attention
    assert SiteTonight("main", NOW, UNTIL, (), (first,)).needs_attention


def test_a_door_with_several_reasons_is_one_item_with_the_worst_first() -> None:
    known = calm(prospects={MET: Prospect(refuses_served=True, anchor_ends=NOW)})
    (door,) = doors_at_risk(known, [well(due_at=NOW - DAY, refusals=1, failure="alert unknown_ca")])
    found = [risk.kind.code for risk in door.risks]
    assert found == ["risk.refused_tls", "risk.refuses_served", "risk.anchor_ends"]
    assert door.severity is Severity.HIGH


def test_every_risk_says_what_to_do_with_a_command() -> None:
    doors: list[DoorAtRisk] = []
    for pairs in OF_DOORS.values():
        for bad, _ in pairs:
            doors += doors_at_risk(calm(**bad[0]), [well(**bad[1])])
    doors += doors_at_risk(calm(), [], {serial_of(1): "", serial_of(2): "north"})
    risks = [risk for door in doors for risk in door.risks]
    risks += [risk for bad, _ in OF_SITES.values() for risk in site_risks(calm(**bad))]
    for risk in risks:
        assert "engage " in risk.mend, risk.kind.code
        assert risk.why and not risk.why.endswith(".")


touches = st.fixed_dictionaries(
    {},
    optional={
        "certificates": st.integers(0, 3),
        "notices": st.integers(0, 3),
        "refusals": st.integers(0, 3),
        "due_at": st.sampled_from([NOW - DAY, NOW + DAY, NOW + 20 * DAY]),
        "host": st.sampled_from(["", "old.example"]),
        "finished_release": st.integers(0, 2),
        "is_contested": st.booleans(),
    },
)
sites = st.fixed_dictionaries(
    {},
    optional={
        "gaps": st.sampled_from([(), ("host a is not heard",)]),
        "path": st.sampled_from([CUT, replace(CUT, state=PathState.OK)]),
        "cut": st.sampled_from([None, CUT_OFF["cut"]]),
        "next_release": st.sampled_from([None, 2]),
        "ends": st.sampled_from([(), (Expiry("main", "server", NOW + 6 * DAY),)]),
        "prospects": st.sampled_from(
            [{}, {MET: Prospect(refuses_served=True)}, {MET: Prospect(refuses_next=True, anchor_ends=FAR)}]
        ),
    },
)


@given(st.lists(touches, max_size=8), sites, st.randoms())
def test_the_order_of_what_is_given_changes_nothing(
    found: list[dict[str, Any]], site: dict[str, Any], luck: random.Random
) -> None:
    known, seen = calm(**site), [well(number, **touched) for number, touched in enumerate(found)]
    unseen = {serial_of(number): name for number, name in ((91, ""), (92, "north"), (93, ""))}
    answer = doors_at_risk(known, seen, unseen)
    mixed, names = seen[:], list(unseen)
    luck.shuffle(mixed)
    luck.shuffle(names)
    assert doors_at_risk(known, mixed, {name: unseen[name] for name in names}) == answer
    assert [door.severity for door in answer] == sorted((door.severity for door in answer), reverse=True)
    assert len({door.identity for door in answer}) == len(answer)
    assert sum(SiteTonight("main", NOW, UNTIL, (), answer).counts.values()) == len(answer)


class TestSilentByPath:
    """Silent doors are one sentence about the site where its path explains them."""

    DOORS = (
        well(1, due_at=NOW - SECOND),
        well(2, due_at=NOW - HOUR),
        well(3, due_at=NOW - 2 * HOUR),  # it was silent before
        well(4, due_at=NOW - SECOND, refusals=1, failure="alert unknown_ca"),
        well(5),
    )

    def said(self, **site: Any) -> tuple[str, str, int | None]:
        known = calm(title="Depot Nord", **site)
        (risk,) = site_risks(known, silent_by_path(known, self.DOORS))
        return risk.why, risk.mend, risk.silent

    def test_a_cut_explains_those_that_fell_silent_in_it(self) -> None:
        path = replace(CUT, link="depot-sim", said_by="sim_suspended")
        why, mend, silent = self.said(**CUT_OFF | {"path": path})
        assert why == (
            f"2 doors of Depot Nord are silent because its SIM is suspended since {NOW - HOUR:%Y-%m-%d %H:%M} UTC "
            "(link depot-sim)"
        )
        assert mend == 'Let its operator activate it: engage sim set --site main --to ACTIVE --reason "..."'
        assert silent == 2
        listed = [door.identity for door in doors_at_risk(calm(**CUT_OFF), self.DOORS)]
        assert listed == [serial_of(4), serial_of(3)]

    def test_a_degraded_path_may_explain_them_and_they_are_listed(self) -> None:
        path = replace(CUT, state=PathState.DEGRADED, said_by="silence")
        why, mend, silent = self.said(path=path)
        assert why.startswith("2 doors of Depot Nord may be silent because its link says nothing since ")
        assert (mend, silent) == ("Find out why: engage link events --link sim", 2)
        assert len(doors_at_risk(calm(path=path), self.DOORS)) == 4

    def test_without_a_silent_door_it_is_the_path_alone(self) -> None:
        known = calm(**CUT_OFF)
        for path, said in (
            (CUT, "the path to main is cut since "),
            (replace(CUT, said_by="sim_retired"), "the path to main is cut: its SIM is retired since "),
        ):
            (risk,) = site_risks(replace(known, path=path), silent_by_path(known, [well()]))
            assert risk.why.startswith(said)
            assert risk.silent == 0

    def test_it_does_not_say_all_where_not_all_were_judged(self) -> None:
        (risk,) = site_risks(calm(**CUT_OFF), SilentDoors(1), is_complete=False)
        assert risk.why.startswith("at least 1 door of main is silent because its path is cut since ")

    def test_missing_evidence_explains_them_first(self) -> None:
        assert silent_by_path(calm(**CUT_OFF, gaps=("host a is not heard",)), self.DOORS) == NO_DOORS
        assert silent_by_path(calm(**CUT_OFF), self.DOORS) == SilentDoors(2)

    @given(st.lists(touches, max_size=8), sites)
    def test_it_takes_no_door_but_a_silent_one_from_the_list(
        self, found: list[dict[str, Any]], site: dict[str, Any]
    ) -> None:
        """Whatever a link says: what is listed without it is listed, but for silences that are counted instead."""
        seen = [well(number, **touched) for number, touched in enumerate(found)]
        known = calm(**site)
        without = {
            (door.identity, risk.kind.code)
            for door in doors_at_risk(replace(known, path=NO_LINK, cut=None), seen)
            for risk in door.risks
        }
        with_path = {(door.identity, risk.kind.code) for door in doors_at_risk(known, seen) for risk in door.risks}
        assert with_path <= without
        gone = without - with_path
        assert {code for _, code in gone} <= {"risk.silent"}
        if not known.gaps:
            assert len(gone) == silent_by_path(known, seen).excused


class TestTheNextStepTonight:
    def rotation(self, **other: Any) -> Rotation:
        first = Rotation(
            number=1,
            site="main",
            way=RotationWay.LINKED_REKEY,
            state=RotationState.RUNNING,
            from_release=1,
            releases=(2, 3),
            step=1,
            step_at=NOW - 20 * HOUR,
            folder="",
            policy=GatePolicy(),
            after=(),
            started_at=NOW - 20 * HOUR,
            started_by="tester",
            soaked_seconds=20 * 3600,
        )
        return replace(first, **other)

    def test_it_may_come_when_its_time_is_over_before_noon(self) -> None:
        assert next_step_tonight(self.rotation(), NOW, UNTIL) == 3

    @pytest.mark.parametrize(
        "other",
        [
            {"soaked_seconds": 11 * 3600},  # an hour too little
            {"state": RotationState.HELD},
            {"state": RotationState.PREPARING},
            {"state": RotationState.DONE},
            {"step": 2},
            {"policy": GatePolicy(asks=True)},
        ],
    )
    def test_it_may_not(self, other: dict[str, Any]) -> None:
        assert next_step_tonight(self.rotation(**other), NOW, UNTIL) is None

    def test_none_without_a_rotation(self) -> None:
        assert next_step_tonight(None, NOW, UNTIL) is None

    def test_the_first_step_of_a_later_wave(self) -> None:
        assert next_step_tonight(self.rotation(state=RotationState.WAITING, step=0), NOW, UNTIL) == 2
