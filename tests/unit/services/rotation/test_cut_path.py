"""Rotations of a site whose path is cut: forty doors that cannot come are waited for, and then they come."""

from datetime import timedelta

import pytest

from engage_server.records import (
    PathEvent,
    PathSays,
    RequiredEvidence,
    RotationState,
    RotationWay,
    Sighting,
    SightingKind,
)
from engage_server.services.rotation.gate.decision import Verdict
from engage_server.services.rotation.judging import judge
from engage_server.services.site_path.fold import fold
from engage_server.services.site_path.paths import SitePaths
from tests.support.chains import NOW
from tests.support.path_events import registered
from tests.support.world import World, address_of, serial_of, told_by

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOORS, CAME = 45, 5
CUT_AT = 30  # hours after the release is served
SILENT_AT = 72  # by then each door that did not come has missed its habit


@pytest.fixture
def site(world: World) -> World:
    """A site whose 45 doors came for a week; five of them have come through with the next release."""
    world.add_site()
    world.release()
    for night in range(-7, 1):
        call(world, 1, 24 * night, range(DOORS))
    world.rotations.start(world.request(RotationWay.SERVER_RENEWAL), world.occasion)
    call(world, 2, 24, range(CAME))
    return world


def call(world: World, release: int, hours: float, doors: range) -> None:
    """A night on which doors finish a handshake with a release."""
    world.see(*(world.finished(door, release, NOW + hours * HOUR) for door in doors))


def refuse(world: World, door: int, hours: float) -> None:
    """A door asks, downloads and refuses TLS, twice."""
    at, address = NOW + hours * HOUR, address_of(door)
    for _ in range(2):
        world.see(
            Sighting(SightingKind.NOTICE, at, "http", address, serial_of(door), "main", 2),
            Sighting(SightingKind.CERTIFICATE, at, "http", address, None, "main", 2),
            Sighting(SightingKind.HANDSHAKE_FAILED, at, "https", address, None, "main", 2, failure="alert unknown_ca"),
        )


def say(world: World, hours: float, says: PathSays, kind: str, link: str = "depot-sim") -> None:
    """A link reports."""
    world.store.add_path_events([registered(link=link), PathEvent("main", link, NOW + hours * HOUR, kind, says)])
    world.store.fold_path_events(fold, 100)


def suspend(world: World, hours: float = CUT_AT) -> None:
    """The site's SIM is suspended."""
    say(world, hours, PathSays.CUT, "sim_suspended")


def activate(world: World, hours: float) -> None:
    """It is active again."""
    say(world, hours, PathSays.RESTORED, "sim_active")


def go_on(world: World, *hours: float) -> list[str]:
    """What the gate tells at these looks."""
    return [
        line for each in hours for line in told_by(world.rotations.go_on, "main", world.later(minutes=round(60 * each)))
    ]


def state(world: World) -> RotationState:
    return world.rotations.all("main")[-1].state


def test_without_a_word_of_the_path_forty_silent_doors_turn_it_back(site: World) -> None:
    """The control of all that follows."""
    (told,) = go_on(site, CUT_AT, SILENT_AT)
    assert "rolled back to release 1 of main: 40 of 45 devices lost" in told


def test_it_waits_and_goes_on_when_they_come(site: World) -> None:
    suspend(site)
    assert go_on(site, CUT_AT, SILENT_AT) == []
    rotation = site.rotations.all("main")[-1]
    found = site.rotations.progress(rotation, site.later(hours=SILENT_AT))
    assert found.adoption is not None
    assert found.decision is not None
    assert (found.adoption.waiting, found.adoption.excused, found.adoption.lost) == (40, 40, 0)
    assert found.decision.verdict is Verdict.WAIT
    assert found.decision.why == (
        f"40 doors wait: the path to the site is cut since {NOW + CUT_AT * HOUR:%Y-%m-%d %H:%M} UTC, "
        "its SIM is suspended (link depot-sim)"
    )
    assert rotation.postponed_since == NOW + SILENT_AT * HOUR
    activate(site, SILENT_AT + 2)
    assert go_on(site, SILENT_AT + 3) == []
    call(site, 2, SILENT_AT + 24, range(CAME, DOORS))
    assert "done: release 2 of main has replaced release 1" in go_on(site, SILENT_AT + 25)[0]


def test_who_is_silent_after_their_night_counts_as_before(site: World) -> None:
    suspend(site)
    activate(site, SILENT_AT)
    assert go_on(site, SILENT_AT + 26) == []
    assert "40 of 45 devices lost" in go_on(site, SILENT_AT + 27)[0]


def test_after_two_nights_a_person_is_asked_once(site: World) -> None:
    suspend(site)
    (told,) = go_on(site, SILENT_AT, CUT_AT + 47, CUT_AT + 48, CUT_AT + 49)
    assert "paused until an operator decides: 40 doors wait" in told
    assert 'engage sim set --site main --to ACTIVE --reason "..."' in told
    assert state(site) is RotationState.HELD
    activate(site, CUT_AT + 50)
    call(site, 2, CUT_AT + 60, range(CAME, DOORS))
    assert "done" in go_on(site, CUT_AT + 61)[0]


def test_a_decision_is_put_off_while_evidence_is_missing_too(site: World) -> None:
    """Otherwise a host that comes and goes would begin the two nights of patience with each look."""
    suspend(site)
    assert go_on(site, SILENT_AT) == []
    rotation, now = site.rotations.all("main")[-1], NOW + (CUT_AT + 50) * HOUR
    path = SitePaths(site.store).cut("main", now)
    for known, is_put_off in ((path, True), (None, False)):
        _, found = judge(site.store, ("host a is not heard",), rotation, RequiredEvidence.ANY, known, now)
        assert (found.verdict, found.is_put_off) == (Verdict.WAIT, is_put_off)


def test_refusals_turn_it_back_whatever_the_path(site: World) -> None:
    """A door that refuses can call: the cut does not explain it."""
    suspend(site)
    for door in range(10, 15):
        refuse(site, door, 40)
    assert "5 refused TLS from the usual address, 0 missed" in go_on(site, SILENT_AT)[0]


def test_doors_that_were_silent_before_the_cut_count(site: World) -> None:
    suspend(site, SILENT_AT - 1)
    assert "40 of 45 devices lost" in go_on(site, SILENT_AT)[0]


def test_a_degraded_path_excuses_nothing(site: World) -> None:
    say(site, CUT_AT, PathSays.DEGRADED, "sim_unreachable")
    assert "40 of 45 devices lost" in go_on(site, SILENT_AT)[0]


def test_messages_over_another_link_take_no_night_from_them(site: World) -> None:
    """A device on KPN has a path of its own. Whether it reported before the cut or since makes no difference."""
    for night in (1, 25):
        say(site, night, PathSays.WORKS, "kpn_message", link="other")
    suspend(site)
    for night in (49, SILENT_AT - 1):
        say(site, night, PathSays.WORKS, "kpn_message", link="other")
    assert go_on(site, SILENT_AT) == []
    found = site.rotations.progress(site.rotations.all("main")[-1], site.later(hours=SILENT_AT))
    assert found.adoption is not None
    assert found.adoption.excused == 40


def test_a_wrong_word_that_the_path_works_leaves_them_their_night(site: World) -> None:
    """It is never less than without any link."""
    suspend(site)
    say(site, SILENT_AT - 1, PathSays.WORKS, "kpn_message")
    assert go_on(site, SILENT_AT, SILENT_AT + 24) == []
    assert "40 of 45 devices lost" in go_on(site, SILENT_AT + 26)[0]


@pytest.mark.parametrize("links", [["a"], ["a", "b"]])
@pytest.mark.parametrize(
    ("on", "said"), [(8, "paused until an operator decides: 40 doors wait"), (1, "40 of 45 devices lost")]
)
def test_links_that_come_and_go_put_off_nothing_for_ever(site: World, links: list[str], on: int, said: str) -> None:
    """Of nine hours: cut for eight, or for one. The hours in which doors could come add up to their night."""
    hours = range(CUT_AT, CUT_AT + 200, 9)
    told: list[str] = []
    for turn, hour in enumerate(hours):
        link = links[turn % len(links)]
        say(site, hour, PathSays.CUT, "sim_suspended", link)
        say(site, hour + on, PathSays.RESTORED, "sim_active", link)
        told += go_on(site, hour + 0.5, hour + 8.5)
        if told:
            break
    (first,) = told
    assert said in first
    assert SILENT_AT <= hour + 8.5 <= SILENT_AT + 60
    assert on == 8 or hour > SILENT_AT, "they had a night"


def test_an_approval_is_still_a_persons(site: World) -> None:
    """A cut approves nothing, and keeps nobody from approving."""
    suspend(site)
    go_on(site, SILENT_AT)
    site.rotations.approve("main", "the doors are renewed by hand", site.later(hours=SILENT_AT))
    assert state(site) is RotationState.DONE


def test_a_decision_ends_what_was_put_off(site: World) -> None:
    """What was put off before does not count against it."""
    suspend(site)
    go_on(site, SILENT_AT)
    assert site.rotations.all("main")[-1].postponed_since is not None
    activate(site, SILENT_AT + 1)
    call(site, 2, SILENT_AT + 20, range(CAME, DOORS))
    go_on(site, SILENT_AT + 21)
    assert site.rotations.all("main")[-1].postponed_since is None


def test_no_release_is_safe_to_retire_because_of_a_cut(site: World) -> None:
    """Doors behind it may come with the anchor that they hold. The advice does not ask why they are silent."""
    site.rotations.abort("main", "", site.later(hours=CUT_AT))
    call(site, site.release(), CUT_AT, range(CAME))
    before = site.held_anchors.advice("main", NOW + SILENT_AT * HOUR)
    suspend(site)
    assert site.held_anchors.advice("main", NOW + SILENT_AT * HOUR) == before
    assert before is not None
    assert not before.is_safe
    assert "no: 40 doors do not provably hold the anchor" in before.sentence
