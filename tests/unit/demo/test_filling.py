"""What a demonstration holds: nights, rotations, people and a log that the services themselves have written."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engage_server.demo import site_acts
from engage_server.demo.doors import Trouble
from engage_server.demo.filling import Demonstration, fill
from engage_server.demo.sites import ALL, CAMPUS, CLINIC, DEPOT
from engage_server.demo.size import DOORS, NIGHTS, DemoSize
from engage_server.records import DeviceHistory, Grade, Occasion, PersonState, RotationState, RotationWay
from engage_server.services.sites.register import SiteRequest

SMALL, LARGE = DemoSize(12, 6), DemoSize(DOORS, NIGHTS)
NOON = datetime(2026, 6, 15, 12, 7, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    made = fill(tmp_path_factory.mktemp("demo") / "small", SMALL, NOON, lambda sentence: None)
    yield made
    made.side.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    made = fill(tmp_path_factory.mktemp("demo") / "large", LARGE, NOON, lambda sentence: None)
    yield made
    made.side.close()


def histories(made: Demonstration, site: str) -> dict[str, DeviceHistory]:
    found = {door.serial: made.side.evidence.at_site(site, door.serial, NOON).history for door in made.doors[site]}
    return {serial: history for serial, history in found.items() if history is not None}


def risks(made: Demonstration, now: datetime = NOON) -> dict[str, dict[str, set[str]]]:
    """The codes of each door at risk, by its site and serial number."""
    found = made.side.tonight.look(now)
    return {
        site.site: {door.identity: {risk.kind.code for risk in door.risks} for door in site.doors} for site in found
    }


def of(made: Demonstration, trouble: Trouble) -> set[str]:
    return {door.serial for door in made.doors[CAMPUS.name] if door.trouble is trouble}


def test_everything_says_that_it_is_a_demonstration(small: Demonstration) -> None:
    sites = small.side.sites.all()
    assert {site.name for site in sites} == {each.name for each in ALL}
    for site in sites:
        assert site.name.startswith("demo-")
        assert site.title.startswith("Demonstration: ")
        assert site.for_trials
        assert all(host.text.endswith(".example") for host in site.hosts)
    assert len({site.time_zone for site in sites}) == 3


def test_no_night_is_missing_and_the_last_one_is_the_newest(small: Demonstration) -> None:
    for history in histories(small, CLINIC.name).values():
        assert history.nights == history.tls_nights == SMALL.nights
        assert timedelta() < NOON - history.last_seen < DAY


def test_the_clinic_waits_for_a_person_and_bert_is_not_the_one(small: Demonstration) -> None:
    rotation = small.side.rotations.open_rotation(CLINIC.name)
    assert rotation is not None
    assert (rotation.way, rotation.state) == (RotationWay.LINKED_REKEY, RotationState.HELD)
    assert rotation.started_by == "bert"
    assert rotation.why.endswith("The next step needs your approval")


def test_the_rekey_of_the_campus_began_half_way(small: Demonstration) -> None:
    (rotation,) = small.side.rotations.all(CAMPUS.name)
    assert rotation.way is RotationWay.LINKED_REKEY
    assert abs((NOON - rotation.started_at) - SMALL.nights / 2 * DAY) < 1.1 * DAY


def test_troubles_are_found_by_those_who_know_nothing_of_them(small: Demonstration) -> None:
    found = risks(small)
    campus = found[CAMPUS.name]
    for trouble, code in (
        (Trouble.NEVER_CAME, "risk.never_seen"),
        (Trouble.SILENT, "risk.silent"),
        (Trouble.NO_DOWNLOAD, "risk.no_return"),
        (Trouble.REPORTS, "risk.reports"),
    ):
        assert {serial for serial, codes in campus.items() if code in codes} == of(small, trouble)
    assert found[CLINIC.name] == found[DEPOT.name] == {}


def test_uploads_of_the_depot_wait_and_one_was_refused(small: Demonstration) -> None:
    waiting, refused = small.side.uploads.counts(DEPOT.name)
    assert waiting
    assert refused == 1


@pytest.mark.parametrize("hours", [0, 6, 14])
def test_the_depot_is_silent_because_its_sim_is_suspended(small: Demonstration, hours: int) -> None:
    """One line of Tonight in place of one for each door."""
    now = NOON + timedelta(hours=hours)
    (depot,) = [each for each in small.side.tonight.look(now) if each.site == DEPOT.name]
    (path,) = [each for each in depot.risks if each.kind.code == "risk.path_cut"]
    assert path.silent == len(small.doors[DEPOT.name])
    assert "silent because its SIM is suspended since" in path.why
    assert not depot.doors
    assert {each.site for each in small.side.tonight.look(now) if each.path is not None} == {DEPOT.name}


def test_its_path_was_cut_before_and_worked_again(small: Demonstration) -> None:
    events = [each.event for each in small.side.paths.events(site=DEPOT.name)][::-1]
    kinds = [each.kind for each in events]
    assert kinds[0] == "link_registered"
    assert kinds[-1] == "sim_suspended"
    first = kinds.index("sim_suspended")
    assert kinds[first : first + 3] == ["sim_suspended", "sim_active", "sim_reachable"]
    assert all(each.at <= NOON for each in events)
    for history in histories(small, DEPOT.name).values():
        assert history.nights == SMALL.nights - 4, "in four nights nothing came through"


def test_files_call_faults_and_databases_are_there(small: Demonstration) -> None:
    side = small.side
    assert [fault.device for fault in side.call_faults.recent(CAMPUS.name, NOON)] == [
        "DE30FFFF000000000000000000000001"
    ]
    files = Counter(path.name for path in small.settings.data_dir.glob(f"{CAMPUS.name}/*/*.json"))
    assert min(files[name] for name in ("database.json", "parameters.json", "audits.json")) >= 1


def test_people_have_roles_and_nobody_knows_a_password(small: Demonstration) -> None:
    people = {person.name: person for person in small.side.access.people.all()}
    assert {name: person.grant.role.value for name, person in people.items()} == {
        "anna": "admin",
        "bert": "operator",
        "chris": "approver",
        "dora": "viewer",
    }
    assert people["dora"].state is PersonState.INVITED
    (token,) = small.side.access.tokens.all()
    assert token.is_usable(NOON)


def test_the_log_is_whole_in_the_order_of_time_and_by_several_people(small: Demonstration) -> None:
    entries = list(small.side.audit.entries())
    assert small.side.audit.verify().faults == ()
    times = [entry.event.at for entry in entries]
    assert times == sorted(times)
    assert times[-1] <= NOON
    assert {"anna", "bert", "engage demo", "token access-control"} <= {entry.event.actor for entry in entries}
    assert sum(bool(entry.event.reason) for entry in entries) > len(entries) / 2


def test_where_virtual_locks_do_not_count_nothing_of_it_is_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the very same calls, at sites that are not for trials."""
    monkeypatch.setattr(site_acts, "SiteRequest", lambda *values, for_trials, **others: SiteRequest(*values, **others))
    made = fill(tmp_path / "demo", SMALL, NOON, lambda sentence: None)
    try:
        assert not any(site.for_trials for site in made.side.sites.all())
        assert [histories(made, site.name) for site in ALL] == [{}, {}, {}]
        assert made.side.evidence.grades(CLINIC.name, 1).get(Grade.HANDSHAKE, 0) == 0
    finally:
        made.side.close()


@pytest.mark.campaign("test_doors.py and test_calendar.py; all chance comes from there and from one seeded Random")
def test_the_same_time_gives_the_same_nights(small: Demonstration, tmp_path: Path) -> None:
    again = fill(tmp_path / "again", SMALL, NOON, lambda sentence: None)
    try:
        for site in ALL:
            assert histories(again, site.name) == histories(small, site.name)
    finally:
        again.side.close()


@pytest.mark.campaign("test_calendar.py, which has every time of day")
@pytest.mark.parametrize("hour", [0, 3, 6, 9, 22])
def test_at_any_time_of_day_all_nights_count(tmp_path: Path, hour: int) -> None:
    now = NOON.replace(hour=hour)
    made = fill(tmp_path / "demo", SMALL, now, lambda sentence: None)
    try:
        for history in histories(made, CLINIC.name).values():
            assert history.nights == SMALL.nights
        rotation = made.side.rotations.open_rotation(CLINIC.name)
        assert rotation is not None
        assert rotation.state is RotationState.HELD
        assert risks(made, now)[CLINIC.name] == {}
    finally:
        made.side.close()


@pytest.mark.long("the small demonstration, above")
class TestLarge:
    """As ``engage demo`` makes it: 300 doors and 60 nights."""

    def test_each_trouble_is_found(self, large: Demonstration) -> None:
        campus = risks(large)[CAMPUS.name]
        for trouble, code in (
            (Trouble.NEVER_CAME, "risk.never_seen"),
            (Trouble.SILENT, "risk.silent"),
            (Trouble.NO_DOWNLOAD, "risk.no_return"),
            (Trouble.REPORTS, "risk.reports"),
            (Trouble.OLD_ANCHOR, "risk.refuses_served"),
        ):
            assert {serial for serial, codes in campus.items() if code in codes} == of(large, trouble)
        assert of(large, Trouble.BATTERY).isdisjoint(campus)
        assert risks(large)[CLINIC.name] == risks(large)[DEPOT.name] == {}

    def test_the_rekey_is_done_by_two_persons_and_the_clinic_waits(self, large: Demonstration) -> None:
        renewal, rekey = large.side.rotations.all(CAMPUS.name)
        assert (renewal.way, renewal.state) == (RotationWay.SERVER_RENEWAL, RotationState.DONE)
        assert (rekey.way, rekey.state) == (RotationWay.LINKED_REKEY, RotationState.DONE)
        assert rekey.started_by == "anna"
        assert {approval.person for approval in rekey.approvals} == {"chris"}
        waiting = large.side.rotations.open_rotation(CLINIC.name)
        assert waiting is not None
        assert waiting.state is RotationState.HELD

    def test_a_battery_lock_calls_every_other_night(self, large: Demonstration) -> None:
        found = histories(large, CAMPUS.name)
        for serial in of(large, Trouble.BATTERY):
            assert abs(found[serial].nights - NIGHTS / 2) <= 1

    def test_the_depot_has_to_renew_soon(self, large: Demonstration) -> None:
        status = large.side.overview.look_at(DEPOT.name, Occasion("tester", NOON))
        assert min(each.expiry.not_after for each in status.certificates) - NOON < 45 * DAY
