"""What kind of device the gate takes a history for: each kind once, counted by both databases."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engage_server.records import (
    Adoption,
    AuditAction,
    AuditEvent,
    Crowd,
    CutPath,
    Device,
    DeviceHistory,
    Doubt,
    Grade,
    PathCut,
    ReleaseHistory,
    RequiredEvidence,
    Sighting,
    SightingKind,
    SuspectDevice,
)
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.rows import site
from tests.support.world import serial_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SINCE = NOW
OLD, SERVED = 1, 2
FAR = "198.51.100.9"
AUTHENTICATED = RequiredEvidence.AUTHENTICATED
EVENT = AuditEvent(NOW, "tester", AuditAction.SITE_ADDED, "main")


@pytest.fixture
def store(migrated_url: str) -> Iterator[SqlStore]:
    engine = open_engine(migrated_url)
    store = SqlStore(engine, SEALER)
    store.add_site(site(), SITE_KEY, EVENT)
    yield store
    store.close()


def device(number: int = 1, **other: Any) -> DeviceHistory:
    """One that was well for ten nights, and called last two hours before the release was served."""
    last = SINCE - 2 * HOUR
    home = f"192.0.2.{number}"
    known = DeviceHistory("main", serial_of(number), SINCE - 10 * DAY, last, 10, last + 60 * HOUR)
    well = replace(
        known,
        finished_release=OLD,
        finished_at=last,
        home=home,
        home_since=SINCE - 10 * DAY,
        home_seen_at=last,
        tls_nights=10,
    )
    return replace(well, **other)


def seen_away(at: datetime = SINCE + DAY, *, by_tls: bool = False) -> dict[str, Any]:
    finished = {"away_release": SERVED, "away_finished_at": at} if by_tls else {}
    return {"away": FAR, "away_since": at, "away_seen_at": at, "away_nights": 1, **finished}


def keep(store: SqlStore, *histories: DeviceHistory) -> None:
    """Put them into the store, as a fold that makes just these would."""
    sightings = [
        Sighting(SightingKind.NOTICE, NOW, "http", each.home, each.identity, each.site, OLD) for each in histories
    ]
    assert store.record_sightings(
        f"kept {histories[0].site} {histories[0].identity}",
        0,
        1,
        sightings,
        lambda *_known: list(histories),
        NOW + 30 * DAY,
    )


def ask(store: SqlStore, now: datetime = SINCE + 3 * DAY, **other: Any) -> Adoption:
    return store.adoption("main", SERVED, SINCE, now, **other)


def kinds(found: Adoption) -> dict[str, int]:
    """What was counted, without what is zero."""
    names = ("confirmed", "waiting", "refused", "silent", "moved", "new", "elsewhere")
    counted = {name: getattr(found, name) for name in names} | {d.value: n for d, n in found.doubtful.items()}
    return {name: count for name, count in counted.items() if count}


CAME: dict[str, Any] = {"finished_release": SERVED, "finished_at": SINCE + DAY, "due_at": SINCE + 5 * DAY}
DUE: dict[str, Any] = {"due_at": SINCE + 5 * DAY}
REFUSES: dict[str, Any] = {"refusals": 2, "certificates": 2, "refused_at": SINCE + HOUR}
MOVED_HERE: dict[str, Any] = {"home": FAR, "home_since": SINCE + DAY}


KINDS: list[tuple[DeviceHistory, str | None]] = [
    (device(**CAME), "confirmed"),
    (device(**CAME, refusals=0, certificates=1), "confirmed"),
    (device(finished_release=SERVED, finished_at=SINCE - HOUR, **DUE), "waiting"),
    (device(**DUE), "waiting"),
    (device(), "silent"),
    (device(tls_nights=2), Doubt.SILENT_NO_HABIT.value),
    (device(**DUE, **REFUSES), "refused"),
    (device(refusals=1, refused_at=SINCE + HOUR), "refused"),
    (device(**DUE, refusals=1, refused_at=SINCE + HOUR), "waiting"),
    (device(**DUE, **REFUSES | {"refused_at": SINCE - HOUR}), Doubt.PLAIN_LOOP.value),
    (device(**DUE, certificates=2), Doubt.PLAIN_LOOP.value),
    (device(**CAME, anchor_failed_at=SINCE + DAY), Doubt.SAYS_NO.value),
    (device(**CAME, anchor_failed_at=SINCE - DAY), "confirmed"),
    (device(**CAME, is_contested=True), Doubt.CONTESTED.value),
    (device(**DUE, **REFUSES, is_contested=True), Doubt.CONTESTED.value),
    (device(**seen_away()), "moved"),
    (device(**seen_away(by_tls=True)), "moved"),
    (device(**seen_away(SINCE - DAY)), "silent"),
    # it comes once in a week, and came last from elsewhere: its next call is not due yet
    (device(last_seen=SINCE - 10 * DAY, due_at=SINCE + DAY, **seen_away(SINCE - HOUR)), "moved"),
    (device(**DUE, refusals=1, certificates=2, refused_at=SINCE + HOUR), Doubt.PLAIN_LOOP.value),
    (device(**DUE, **seen_away(by_tls=True)), "waiting"),
    (device(**CAME, **seen_away(by_tls=True)), "confirmed"),
    (device(refusals=1, refused_at=SINCE + HOUR, **seen_away()), "refused"),
    (device(**CAME, **MOVED_HERE), "confirmed"),
    (device(**DUE, **REFUSES, **MOVED_HERE), Doubt.NEW_ADDRESS.value),
    (device(**MOVED_HERE), Doubt.NEW_ADDRESS.value),
    (device(**DUE, **MOVED_HERE), Doubt.NEW_ADDRESS.value),
    (device(first_seen=SINCE + HOUR), "new"),
    (device(finished_release=0, finished_at=None), None),
    (device(finished_at=SINCE - 9 * DAY), None),
    (device(finished_at=SINCE - 9 * DAY, **seen_away()), "elsewhere"),
    (device(finished_at=SINCE - 9 * DAY, **seen_away(SINCE - 9 * DAY)), None),
    (device(finished_release=0, finished_at=None, **seen_away()), None),
    (device(identity="192.0.2.1", **CAME), "confirmed"),
    (device(identity="192.0.2.1", tls_nights=2, **CAME), None),
    (device(identity="2001:db8::1", tls_nights=2), None),
    (device(is_shared_address=True), None),
]


def assert_kinds(
    store: SqlStore, table: Sequence[tuple[DeviceHistory, str | None]], *neighbours: DeviceHistory, **asked: Any
) -> None:
    """Each history in a site of its own, with the same neighbours."""
    for number, (history, kind) in enumerate(table):
        name = f"site{number}"
        keep(store, *(replace(each, site=name) for each in (history, *neighbours)))
        found = store.adoption(name, SERVED, SINCE, SINCE + 3 * DAY, **asked)
        assert kinds(found) == ({kind: 1} if kind else {}), (number, history)
        assert found.devices == (kind not in (None, "new", "elsewhere"))


def test_each_kind(store: SqlStore) -> None:
    assert_kinds(store, KINDS)


class TestBehindACut:
    """Devices that are late while, or a night after, nothing came through to their site."""

    CUT = CutPath(PathCut(SINCE + DAY))
    DUE_BEFORE: dict[str, Any] = {"due_at": SINCE + DAY - HOUR}

    def test_each_kind(self, store: SqlStore) -> None:
        """The same table as without: only those that are silent are waited for."""
        silent = ("silent", Doubt.SILENT_NO_HABIT.value)
        table = [(history, "waiting" if kind in silent else kind) for history, kind in KINDS]
        assert_kinds(store, table, path=self.CUT)

    def test_what_they_are_without_it(self, store: SqlStore) -> None:
        keep(store, device(), device(2, tls_nights=2), device(3, **DUE), device(4, **CAME))
        found = ask(store, path=self.CUT)
        assert found.behind_cut == {"silent": 1, Doubt.SILENT_NO_HABIT.value: 1}
        assert (found.waiting, found.excused) == (3, 2)
        assert kinds(found.without_cut) == kinds(ask(store))

    def test_who_was_silent_before_counts_as_ever(self, store: SqlStore) -> None:
        keep(store, device(**self.DUE_BEFORE), device(2, due_at=SINCE + DAY))
        found = ask(store, path=self.CUT)
        assert (found.silent, found.waiting) == (1, 1)

    @pytest.mark.parametrize(("hours", "kind"), [(26, "waiting"), (27, "silent")])
    def test_they_get_a_night_after_it(self, store: SqlStore, hours: float, kind: str) -> None:
        keep(store, device())
        ended = SINCE + 3 * DAY - hours * HOUR
        assert kinds(ask(store, path=CutPath(PathCut(SINCE + DAY, ended)))) == {kind: 1}

    def test_or_their_own_habit(self, store: SqlStore) -> None:
        """It comes once in a week, and misses its habit after more than two."""
        weekly = device(last_seen=SINCE - 14 * DAY, due_at=SINCE + 2 * DAY, finished_at=SINCE - 14 * DAY)
        keep(store, weekly)
        ended = CutPath(PathCut(SINCE + DAY, SINCE + DAY + HOUR))
        assert kinds(ask(store, path=ended)) == {"waiting": 1}
        assert kinds(ask(store, SINCE + 9 * DAY, path=ended)) == {"silent": 1}

    @pytest.mark.parametrize(("pause", "kind"), [(1, "waiting"), (2, "silent")])
    def test_the_hours_in_which_the_path_worked_add_up(self, store: SqlStore, pause: float, kind: str) -> None:
        """As :meth:`.CutPath.excuses` says: 25 hours between two cuts, and then some more."""
        keep(store, device())
        now = SINCE + 9 * DAY
        ended = PathCut(SINCE + DAY, now - 60 * HOUR)
        path = CutPath(PathCut(now - 35 * HOUR, now - pause * HOUR), earlier=(ended,))
        known = device()
        assert path.excuses(known.due_at, known.last_seen, now) is (kind == "waiting")
        assert kinds(ask(store, now, path=path)) == {kind: 1}

    def test_a_refusal_at_a_shared_address_counts_as_ever(self, store: SqlStore) -> None:
        nat = device(9, identity="192.0.2.1", home="192.0.2.1", is_shared_address=True, **REFUSES)
        keep(store, device(), device(2, home="192.0.2.1"), nat)
        assert kinds(ask(store, path=self.CUT)) == {Doubt.REFUSED_SHARED.value: 2}

    def test_with_tokens(self, store: SqlStore) -> None:
        proven = TestAuthenticated.PROVEN
        keep(store, device(**proven), device(2, **proven | {"authenticated_nights": 2}), device(3))
        keep(store, device(4, **REFUSES, **proven), device(5, **DUE, **REFUSES))
        found = ask(store, evidence=AUTHENTICATED, path=self.CUT)
        assert kinds(found) == {"waiting": 3, "silent": 1, Doubt.REFUSED_UNPROVEN.value: 1}
        assert found.behind_cut == {"silent": 1, Doubt.SILENT_NO_HABIT.value: 2}


class TestSharedAddresses:
    """Where several devices stand, nobody can tell which of them it was."""

    def test_with_a_neighbour(self, store: SqlStore) -> None:
        table: list[tuple[DeviceHistory, str | None]] = [
            (device(**CAME), "confirmed"),
            (device(), Doubt.SILENT_SHARED.value),
            (device(**DUE, **REFUSES), Doubt.REFUSED_SHARED.value),
        ]
        assert_kinds(store, table, device(2, home="192.0.2.1", finished_release=0))
        keep(store, device(**CAME, **MOVED_HERE), device(2, home=FAR, finished_release=0))
        assert kinds(ask(store)) == {Doubt.TOGETHER.value: 1}

    def test_the_neighbour_is_another_sites(self, store: SqlStore) -> None:
        keep(store, device(), device(2, home="192.0.2.1", site="north"))
        assert kinds(ask(store)) == {"silent": 1}

    def test_an_address_that_names_another_device_confirms_none(self, store: SqlStore) -> None:
        keep(store, device(**CAME, **MOVED_HERE), device(2, **DUE, **seen_away()))
        assert kinds(ask(store)) == {Doubt.TOGETHER.value: 1, "waiting": 1}

    def test_refusals_that_are_nobodys(self, store: SqlStore) -> None:
        nat = device(9, identity="192.0.2.1", home="192.0.2.1", is_shared_address=True, **REFUSES)
        keep(store, device(), device(2, home="192.0.2.1", **CAME), nat)
        assert kinds(ask(store)) == {Doubt.REFUSED_SHARED.value: 1, "confirmed": 1}

    def test_an_address_that_was_shared_lately_is_shared(self, store: SqlStore) -> None:
        nat = device(9, identity="192.0.2.1", home="192.0.2.1", is_shared_address=True)
        keep(store, device(), device(2, **CAME, home=FAR), nat)
        assert kinds(ask(store)) == {Doubt.SILENT_SHARED.value: 1, "confirmed": 1}

    def test_silence_counts_where_all_of_them_are_listed(self, store: SqlStore) -> None:
        keep(store, *(device(number, home="192.0.2.1") for number in (1, 2)))
        listed(store, 1)
        assert kinds(ask(store)) == {Doubt.SILENT_SHARED.value: 1}
        listed(store, 2)
        assert kinds(ask(store)) == {"silent": 2}


def listed(store: SqlStore, *numbers: int) -> None:
    store.add_devices([Device(serial_of(number), "main", NOW) for number in numbers], "main", EVENT)


def test_a_site_with_a_list_counts_its_list(store: SqlStore) -> None:
    keep(store, device(), device(2, **CAME), device(3, identity="192.0.2.3"))
    assert ask(store).strangers == 0
    listed(store, 2)
    assert kinds(ask(store)) == kinds(ask(store, only_listed=True)) == {"confirmed": 1}
    assert ask(store).strangers == 2


def test_so_do_its_grades_and_its_pace(store: SqlStore) -> None:
    keep(store, device(), device(2), device(3))
    for number in (1, 2, 3):
        came = Sighting(
            SightingKind.HANDSHAKE_FINISHED, NOW, "https", f"192.0.2.{number}", serial_of(number), "main", 1
        )
        assert store.record_sightings(f"grade{number}", 0, 1, [came], fold, NOW)
    assert store.grades("main", 1)[Grade.HANDSHAKE] == sum(store.silences("main").values()) == 3
    listed(store, 2, 7)
    grades = store.grades("main", 1)
    assert (grades[Grade.HANDSHAKE], grades[Grade.NEVER_SEEN]) == (1, 1)
    assert sum(store.silences("main").values()) == sum(store.arrivals("main", 1, NOW).values()) == 1


def test_who_is_not_on_the_list_turns_nothing_back(store: SqlStore) -> None:
    """Where there is a list. Without one nothing tells a door from whoever keeps the habit of one."""
    keep(store, device(), device(2, **DUE, **REFUSES), device(3, **DUE, **REFUSES))
    assert kinds(ask(store)) == {"silent": 1, "refused": 2}
    listed(store, 3)
    assert kinds(ask(store)) == {"refused": 1}


def test_who_refuses_a_release_is_counted_by_its_grade_with_it(store: SqlStore) -> None:
    """Who refused before it was served, or came through with it, is not. Where there is a list, strangers are not."""
    noticed = {SERVED: ReleaseHistory(Grade.NOTICE, NOW)}
    came = {SERVED: ReleaseHistory(Grade.HANDSHAKE, NOW)}
    refusing = [device(2, **REFUSES), device(3, **REFUSES, releases=noticed), device(4, **REFUSES, releases=came)]
    keep(store, device(), *refusing, device(5))
    assert store.refusers("main", SERVED, SINCE) == {Grade.NEVER_SEEN: 1, Grade.NOTICE: 1}
    assert store.refusers("main", SERVED + 1, SINCE) == {Grade.NEVER_SEEN: 3}, "with another release"
    assert store.refusers("main", SERVED, SINCE + DAY) == {}
    listed(store, 3)
    assert store.refusers("main", SERVED, SINCE) == {Grade.NOTICE: 1}


def test_crowds(store: SqlStore) -> None:
    keep(store, *(device(number, **DUE, **seen_away(by_tls=True)) for number in range(1, 6)))
    keep(store, device(6, **CAME, **seen_away(by_tls=True)), device(7, **DUE, **seen_away()))
    keep(store, device(8, **DUE, **seen_away(SINCE - HOUR, by_tls=True)))
    assert ask(store).crowds == (Crowd(FAR, 5),)
    assert ask(store, evidence=AUTHENTICATED).crowds == ()


def test_examples(store: SqlStore) -> None:
    keep(store, *(device(number, **seen_away()) for number in (1, 2, 3)), device(4), device(5, **CAME))
    found = ask(store).examples
    assert found == {
        "moved": tuple(SuspectDevice(serial_of(number), f"192.0.2.{number}", FAR) for number in (1, 3)),
        "silent": (SuspectDevice(serial_of(4), "192.0.2.4", ""),),
    }


class TestAuthenticated:
    """Only a visit with a token counts."""

    PROVEN: dict[str, Any] = {
        "authenticated_release": OLD,
        "authenticated_at": SINCE - 2 * HOUR,
        "authenticated_nights": 10,
    }
    CAME: dict[str, Any] = PROVEN | {"authenticated_release": SERVED, "authenticated_at": SINCE + DAY}

    def test_each_kind(self, store: SqlStore) -> None:
        table: list[tuple[DeviceHistory, str | None]] = [
            (device(**self.CAME), "confirmed"),
            (device(**self.CAME, **seen_away(), is_contested=True, **REFUSES), "confirmed"),
            (device(**self.CAME, anchor_failed_at=SINCE + DAY), Doubt.SAYS_NO.value),
            (device(**self.CAME, finished_at=SINCE - 9 * DAY), "confirmed"),
            (device(finished_release=SERVED, finished_at=SINCE + DAY, **self.PROVEN), "silent"),
            (device(**self.PROVEN | {"authenticated_nights": 2}), Doubt.SILENT_NO_HABIT.value),
            (device(**DUE, **self.PROVEN), "silent"),
            (device(**self.PROVEN, nights=99, last_seen=SINCE + 2 * DAY, **DUE), "silent"),
            (device(**DUE, **REFUSES, **self.PROVEN), "silent"),
            (device(**DUE, **REFUSES), Doubt.REFUSED_UNPROVEN.value),
            (device(**DUE), "waiting"),
            (device(), Doubt.SILENT_NO_HABIT.value),
            # its proven habit is a week: others that come each night in its name make it no shorter
            (device(**self.PROVEN | {"authenticated_nights": 3, "authenticated_at": SINCE - 5 * HOUR}), "waiting"),
            # it had not proved itself for long when the step began; somebody keeps it alive in the evidence of its home
            (device(**self.PROVEN | {"authenticated_at": SINCE - 9 * DAY}), Doubt.SILENT_NO_HABIT.value),
            (device(**self.PROVEN | {"authenticated_at": SINCE - 9 * DAY}, finished_at=SINCE - 9 * DAY), None),
        ]
        assert_kinds(store, table, evidence=AUTHENTICATED)

    def test_a_shared_address_does_not_matter(self, store: SqlStore) -> None:
        keep(store, *(device(number, home="192.0.2.1", **self.PROVEN) for number in (1, 2)))
        assert kinds(ask(store, evidence=AUTHENTICATED)) == {"silent": 2}


class TestPace:
    """One visit is no habit."""

    def test_visitors_move_no_pace(self, store: SqlStore) -> None:
        keep(store, *(device(number, identity=f"192.0.2.{number}", tls_nights=1) for number in (1, 2, 3)))
        keep(store, *(device(number, tls_nights=2, due_at=SINCE + 90 * DAY) for number in (4, 5, 6)))
        assert store.silences("main") == {}
        keep(store, device(7))
        assert store.silences("main") == {3: 1}


def test_when_those_that_are_confirmed_first_were(store: SqlStore) -> None:
    """By both databases: the first visit since the release is served, and the last one of who met it before."""
    noon = SINCE.replace(minute=0, second=0) + DAY
    found = [
        (1, noon + timedelta(minutes=14), noon + 9 * HOUR),
        (2, noon + timedelta(minutes=15), noon + 9 * HOUR),
        (3, SINCE - 5 * DAY, noon + 9 * HOUR),
    ]
    for number, reached, finished in found:
        came = {
            "finished_release": SERVED,
            "finished_at": finished,
            "last_seen": finished,
            "due_at": finished + 3 * DAY,
        }
        known = device(number, **came)
        keep(store, replace(known, releases={SERVED: ReleaseHistory(Grade.HANDSHAKE, reached)}))
    keep(store, device(4), device(5, finished_release=SERVED, finished_at=noon, first_seen=SINCE + HOUR))
    expected = {noon: 1, noon + timedelta(minutes=15): 1, noon + 9 * HOUR: 1}
    assert store.confirmations("main", SERVED, SINCE, noon + 10 * HOUR) == expected
    assert store.adoption("main", SERVED, SINCE, noon + 10 * HOUR).confirmed == 3
