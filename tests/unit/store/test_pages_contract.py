"""The contract of pages, on every database: what a walk meets while rows change, and which index answers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.event_codes import TROUBLE_CODES
from engage_server.records import (
    Approval,
    AuditAction,
    AuditEntry,
    AuditEvent,
    AuditFilter,
    Device,
    GatePolicy,
    Page,
    Rotation,
    RotationState,
    RotationWay,
    Sighting,
    SightingKind,
    every_item,
)
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine, writing
from engage_server.store.interface import MOST_IN_A_PAGE, DeviceFilter, TroubleFilter
from engage_server.store.paging import audit_pages, device_pages, other_pages, search_pages
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.filling import OLD_HOST, RARE, count_anew, fill_audit_log, fill_devices, fill_labels, fill_sightings
from tests.support.lengths import examples
from tests.support.plans import plan_of, whole_tables
from tests.support.rows import draft, private_key, site
from tests.support.stored import listed_devices
from tests.support.world import address_of, serial_of

EVERY = DeviceFilter()
MISSING = DeviceFilter(2, missing=True)
UNSEEN = DeviceFilter(2, unseen=True)
TROUBLED = DeviceFilter(trouble=TroubleFilter(NOW, TROUBLE_CODES))
WAITING = RotationState.WAITING
ROTATION = Rotation(0, "main", RotationWay.CUT_OVER, WAITING, 1, (2,), 0, NOW, "/x", GatePolicy(), (), NOW, "me")
LOOKED_THROUGH = 7  # rows: so that a page with a filter ends before it is full


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    store.add_site(site("main"), SITE_KEY, event)
    yield store
    store.close()


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with a filter look at a few rows only."""
    for module in (device_pages, audit_pages, other_pages):
        monkeypatch.setattr(module, "MOST_EXAMINED", LOOKED_THROUGH)


class Bustle:
    """A site where devices call, are added and are removed, by a plan that a seed decides."""

    def __init__(self, store: SqlStore, event: AuditEvent, seed: int) -> None:
        self.store, self.event = store, event
        self.chance = Random(seed)  # noqa: S311  # nothing is kept secret by it
        self.turns, self.new = count(), count(1000)
        self.steady = {serial_of(number) for number in range(0, 60, 2)}
        self.passing = [serial_of(number) for number in range(1, 60, 2)]
        self.list(*sorted(self.steady)[:10], *self.passing[:10])
        self.call(*sorted(self.steady)[5:], *self.passing[5:])

    def list(self, *serials: str) -> None:
        """Put devices on the list."""
        self.store.add_devices([Device(serial, "main", NOW) for serial in serials], "main", self.event)

    def call(self, *serials: str, release: int = 1) -> None:
        """Let devices call: some for the first time."""
        turn = next(self.turns)
        at = NOW + timedelta(minutes=turn)
        seen = [
            Sighting(SightingKind.HANDSHAKE_FINISHED, at, "https", address_of(int(s, 16)), s, "main", release)
            for s in serials
        ]
        assert self.store.record_sightings(f"turn {turn}", 0, 1, seen, fold, at)

    def change(self) -> None:
        """One thing of each kind happens."""
        self.call(self.chance.choice(sorted(self.steady)), serial_of(next(self.new)))
        self.list(serial_of(self.chance.randrange(200, 900)))
        gone = self.passing.pop(self.chance.randrange(len(self.passing))) if self.passing else "0" * 32
        self.store.remove_device(gone, "main", self.event, had_files=False)
        self.call(serial_of(self.chance.randrange(61, 199)))


def walked(page_of: Callable[[str | None], Page[Any]], between: Callable[[], None]) -> list[Any]:
    """All items of all pages, with changes between them."""

    def changing(cursor: str | None) -> Page[Any]:
        if cursor is not None:
            between()
        return page_of(cursor)

    return list(every_item(changing))


def _log(store: SqlStore, wanted: AuditFilter, oldest_first: bool, cursor: str | None) -> Page[AuditEntry]:
    return store.audit_page(wanted, cursor, 3, oldest_first=oldest_first)


def faults(found: list[Any], steady: set[Any]) -> set[Any]:
    """What a walk met twice, or did not meet although it was there all the time."""
    return {each for each in found if found.count(each) > 1} | (steady - set(found))


class TestDevices:
    """Listed and seen ones together."""

    @pytest.mark.parametrize("seed", range(examples(all=1, quick=1, campaign=4)))
    @pytest.mark.parametrize("wanted", [EVERY, MISSING, TROUBLED], ids=["all", "missing", "troubled"])
    @pytest.mark.usefixtures("narrow")
    def test_a_walk_skips_none_and_repeats_none(
        self, store: SqlStore, event: AuditEvent, wanted: DeviceFilter, seed: int
    ) -> None:
        bustle = Bustle(store, event, seed)
        steady = bustle.steady
        if wanted is TROUBLED:  # those that were never seen, or call again meanwhile, are not in trouble all the time
            wanted, steady = replace(wanted, trouble=TroubleFilter(NOW + timedelta(days=30), TROUBLE_CODES)), set()
            steady = {serial_of(number) for number in range(20, 60, 2)}
        found = walked(
            lambda cursor: store.device_page("main", wanted, cursor, 3 + bustle.chance.randrange(3)), bustle.change
        )
        assert faults([each.identity for each in found], steady) == set()
        assert len(found) >= len(steady)

    @pytest.mark.parametrize("wanted", [EVERY, MISSING, UNSEEN], ids=["all", "missing", "unseen"])
    @pytest.mark.usefixtures("narrow")
    def test_pages_hold_what_the_list_holds(self, store: SqlStore, event: AuditEvent, wanted: DeviceFilter) -> None:
        bustle = Bustle(store, event, 1)
        bustle.call(*sorted(bustle.steady)[12:20], release=2)
        listed = {each.serial for each in listed_devices(store, "main")}
        found = list(every_item(lambda cursor: store.device_page("main", wanted, cursor, 4)))
        expected = {each.identity: each for each in store.device_histories("main", wanted)}
        unseen = set(store.unseen_devices("main"))
        assert [each.identity for each in found] == sorted({*expected, *unseen})
        assert [each.history for each in found] == [expected.get(each.identity) for each in found]
        assert [each.is_listed for each in found] == [each.identity in listed for each in found]

    @pytest.mark.usefixtures("narrow")
    def test_the_test_finds_a_walk_by_an_order_that_changes(self, store: SqlStore, event: AuditEvent) -> None:
        """The negative control: by silence, a device that calls comes again; by offset, a removal skips one."""
        bustle = Bustle(store, event, 0)

        def by_silence(cursor: str | None) -> Page[Any]:
            after = store.device_history(cursor, "main")[0] if cursor else None
            found = store.device_histories("main", DeviceFilter(after=after, limit=4))
            return Page([each.identity for each in found], found[-1].identity if len(found) == 4 else None)

        assert faults(walked(by_silence, lambda: bustle.call(sorted(bustle.steady)[6])), set()), (
            "it called and came again"
        )

        def by_offset(cursor: str | None) -> Page[Any]:
            begin = int(cursor or 0)
            serials = [each.serial for each in listed_devices(store, "main")]
            return Page(serials[begin : begin + 2], str(begin + 2) if serials[begin + 2 :] else None)

        first = iter(sorted(store.device_serials("main"))[:2])
        listed = {each.serial for each in listed_devices(store, "main")}

        def remove() -> None:
            gone = next(first, None)
            if gone:
                listed.discard(gone)
                store.remove_device(gone, "main", event, had_files=False)

        assert faults(walked(by_offset, remove), listed), "one was removed and the next was skipped"

    def test_a_page_begins_beyond_a_part_of_a_serial_number(self, store: SqlStore, event: AuditEvent) -> None:
        bustle = Bustle(store, event, 0)
        bustle.call()
        third = serial_of(2)
        page = store.device_page("main", EVERY, None, 2, beyond=third)
        assert [each.identity for each in page.items] == [serial_of(3), serial_of(4)]
        assert store.device_page("main", EVERY, None, 1, beyond="F").items == ()
        assert store.device_page("main", EVERY, None, 1, beyond="0").items[0].identity == serial_of(0)

    @pytest.mark.usefixtures("narrow")
    def test_a_rare_device_is_found_behind_short_pages(self, store: SqlStore, event: AuditEvent) -> None:
        bustle = Bustle(store, event, 0)
        serials = [serial_of(number) for number in range(60)]
        bustle.list(*serials)
        bustle.call(*serials, release=2)
        bustle.call(serial_of(100))
        pages: list[Page[Any]] = []
        cursor: str | None = None
        while not pages or cursor:
            pages.append(store.device_page("main", MISSING, cursor, 5))
            cursor = pages[-1].next
        assert [each.identity for page in pages for each in page.items] == [serial_of(100)]
        assert len(pages) > 60 / LOOKED_THROUGH, "each looked at a few only"

    def test_all_of_them_longest_silent_first(self, store: SqlStore, event: AuditEvent) -> None:
        bustle = Bustle(store, event, 3)
        bustle.call(serial_of(20))
        order = store.silent_order("main", EVERY)
        seen = store.devices_of_rows(order.seen, None)
        assert list(seen) == list(store.device_histories("main", EVERY))
        assert order.unseen.hex().upper() == "".join(store.unseen_devices("main"))
        store.remove_device(serial_of(20), "main", event, had_files=False)
        assert serial_of(20) not in {each.identity for each in store.devices_of_rows(order.seen, None)}

    def test_a_site_that_is_not_there(self, store: SqlStore) -> None:
        for ask in (lambda: store.device_page("x", EVERY, None, 1), lambda: store.silent_order("x", EVERY)):
            with pytest.raises(NotFound):
                ask()


class TestOtherLists:
    """The audit log, sightings, releases and sites."""

    @pytest.mark.usefixtures("narrow")
    @pytest.mark.parametrize("oldest_first", [False, True])
    def test_the_audit_log_grows_meanwhile(self, store: SqlStore, event: AuditEvent, oldest_first: bool) -> None:
        for number in range(40):
            actor, action = f"person {number % 3}", [AuditAction.DEVICE_ADDED, AuditAction.SITE_CHANGED][number % 2]
            at = NOW + timedelta(minutes=number * 7 % 40)  # hosts' clocks differ
            store.record(replace(event, at=at, actor=actor, action=action, site="north" if number % 4 else ""))
        whole = list(every_item(lambda cursor: store.audit_page(AuditFilter(), cursor, 9)))
        assert [each.number for each in whole] == list(range(41, 0, -1))
        filters: dict[AuditFilter, Callable[[AuditEntry], bool]] = {
            AuditFilter(site="north"): lambda e: e.event.site == "north",
            AuditFilter(site=""): lambda e: e.event.site == "",
            AuditFilter(actor="person 1"): lambda e: e.event.actor == "person 1",
            AuditFilter(actions=(AuditAction.SITE_CHANGED,)): lambda e: e.event.action is AuditAction.SITE_CHANGED,
            AuditFilter(site="north", actor="person 1"): lambda e: (
                (e.event.site, e.event.actor) == ("north", "person 1")
            ),
            AuditFilter(since=NOW + timedelta(minutes=20)): lambda e: e.event.at >= NOW + timedelta(minutes=20),
            AuditFilter(until=NOW + timedelta(minutes=5)): lambda e: e.event.at < NOW + timedelta(minutes=5),
            AuditFilter(before=12): lambda e: e.number < 12,
            AuditFilter(actions=(AuditAction.SITE_CHANGED, AuditAction.SITE_ADDED)): lambda e: (
                e.event.action is not AuditAction.DEVICE_ADDED
            ),
        }
        for wanted, fits in filters.items():
            expected = {each.number for each in whole if fits(each)}
            assert expected, wanted
            found = walked(
                partial(_log, store, wanted, oldest_first),
                lambda: store.record(replace(event, actor="somebody else", site="elsewhere", at=NOW - timedelta(9))),
            )
            numbers = [each.number for each in found]
            assert faults(numbers, expected) == set(), wanted
            assert numbers == sorted(numbers, reverse=not oldest_first)
            if not oldest_first:
                assert set(numbers) <= set(range(1, store.audit_head().number + 1))

    @pytest.mark.usefixtures("narrow")
    @pytest.mark.parametrize("of", [None, "main"])
    def test_sightings_of_one_device(self, store: SqlStore, event: AuditEvent, of: str | None) -> None:
        bustle = Bustle(store, event, 0)
        mine = serial_of(4)
        for _ in range(12):
            bustle.call(mine, serial_of(6))
        before = list(every_item(lambda cursor: store.sighting_page(mine, of, cursor, 100)))
        assert len(before) == 12, "it was listed, and called since"
        found = walked(lambda cursor: store.sighting_page(mine, of, cursor, 3), lambda: bustle.call(mine))
        assert found == before, "newest first; what comes later is newer than the first page"
        assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
        assert store.sighting_page(mine, "north", None, 5).items == ()

    def test_releases_and_sites(self, store: SqlStore, event: AuditEvent) -> None:
        for number in range(5):
            store.add_site(site(f"site{9 - number}"), SITE_KEY, event)
            store.stage_release(draft("main", f"chain {number}"), private_key(), event)
        more = count(5)

        def stage() -> None:
            store.stage_release(draft("main", f"chain {next(more)}"), private_key(), event)

        numbers = [each.number for each in walked(lambda cursor: store.release_page("main", cursor, 2), stage)]
        assert numbers == [5, 4, 3, 2, 1]
        assert next(every_item(lambda c: store.release_page("main", c, 3))) == store.release("main", 7)

        def rename() -> None:
            if any(each.name == "site9" for each in store.sites()):
                store.rename_site("site9", "zulu", event)

        names = [each.name for each in walked(lambda cursor: store.site_page(cursor, 2), rename)]
        assert names == ["main", "site9", "site8", "site7", "site6", "site5"]
        assert store.site_page(None, 2).items == tuple(store.site(name) for name in ("main", "zulu"))
        with pytest.raises(NotFound):
            store.release_page("x", None, 1)

    def test_rotations(self, store: SqlStore, event: AuditEvent) -> None:
        store.add_site(site("north"), SITE_KEY, event)

        def rotate(name: str = "main") -> None:
            begun = store.add_rotation(replace(ROTATION, site=name), event)
            store.add_approval(begun, Approval(0, f"anna{begun.number}", NOW, "x"), event, clears_why=True)
            begun = store.rotation(name, begun.number)
            store.move_rotation(begun, replace(begun, state=RotationState.ABORTED, ended_at=NOW), event)

        for _ in range(5):
            rotate()
            rotate("north")
        numbers = [each.number for each in walked(lambda cursor: store.rotation_page("main", cursor, 2), rotate)]
        assert numbers == [9, 7, 5, 3, 1]
        (newest,) = store.rotation_page("main", None, 1).items
        assert newest == store.rotation("main", newest.number) == store.rotations("main")[-1]
        assert [each.person for each in newest.approvals] == [f"anna{newest.number}"]
        assert store.rotation_page("north", None, 5).next is None
        for ask in (lambda: store.rotation_page("x", None, 1), lambda: store.rotation("main", 2)):
            with pytest.raises(NotFound):
                ask()

    def test_a_page_is_never_larger_than_it_may_be(self, store: SqlStore) -> None:
        for limit in (0, -1, MOST_IN_A_PAGE + 1):
            for ask in (store.site_page, lambda c, n: store.audit_page(AuditFilter(), c, n)):
                with pytest.raises(ValueError, match="a page has"):
                    ask(None, limit)


def test_a_wrong_cursor_is_refused(store: SqlStore, event: AuditEvent) -> None:
    bustle = Bustle(store, event, 0)
    store.add_site(site("north"), SITE_KEY, event)
    store.stage_release(draft("main"), private_key(), event)
    bustle.call(serial_of(4))
    good = store.device_page("main", EVERY, None, 2).next
    of_log = store.audit_page(AuditFilter(), None, 1).next
    assert good
    assert of_log
    assert store.device_page("main", EVERY, good, 2).items
    of_nobody = ["", "x", "é", good[:-1], good + "A", good[::-1], good.swapcase(), "A" * 600, "====", "W10", of_log]
    asked: list[Callable[[str], object]] = [
        lambda c: store.device_page("main", EVERY, c, 2),
        lambda c: store.sighting_page(serial_of(4), None, c, 2),
        lambda c: store.release_page("main", c, 2),
        lambda c: store.rotation_page("main", c, 2),
        lambda c: store.site_page(c, 2),
        lambda c: store.audit_page(AuditFilter(site="None"), c, 2),
    ]
    of_another: list[Callable[[], object]] = [
        lambda: store.device_page("north", EVERY, good, 2),
        lambda: store.device_page("main", MISSING, good, 2),
        lambda: store.audit_page(AuditFilter(), of_log, 2, oldest_first=True),
        lambda: store.audit_page(AuditFilter(site="main"), of_log, 2),
    ]
    of_another += [partial(ask, wrong) for ask in asked for wrong in of_nobody]
    for act in of_another:
        with pytest.raises(UsageError) as caught:
            act()
        assert caught.value.code == "cursor.invalid"


TABLES = {"device_histories", "devices", "audit_events", "sightings", "release_histories", "label_words"}
CHANGES = AuditFilter(actions=(AuditAction.SITE_CHANGED,))
QUESTIONS: dict[str, tuple[Callable[[SqlStore, str | None], Page[Any]], str]] = {
    "devices": (lambda s, c: s.device_page("main", EVERY, c, 50), "ix_device_histories_identity"),
    "missing": (lambda s, c: s.device_page("main", MISSING, c, 50), "ix_device_histories_identity"),
    "unseen": (lambda s, c: s.device_page("main", UNSEEN, c, 50), ""),
    "troubled": (lambda s, c: s.device_page("main", TROUBLED, c, 50), "ix_device_histories_identity"),
    "search": (lambda s, c: s.device_page("main", DeviceFilter(search="door"), c, 50), "label_words"),
    "search for a number": (
        lambda s, c: s.device_page("main", DeviceFilter(search="A0B1"), c, 50),
        "ix_device_histories_identity",
    ),
    "search among the missing": (
        lambda s, c: s.device_page("main", replace(MISSING, search="usual"), c, 50),
        "label_words",
    ),
    "host": (lambda s, c: s.device_page("main", DeviceFilter(host=OLD_HOST), c, 50), "ix_device_histories_identity"),
    "log": (lambda s, c: s.audit_page(AuditFilter(), c, 50), ""),
    "log of a site": (lambda s, c: s.audit_page(AuditFilter(site="north"), c, 5), "ix_audit_events_site"),
    "log of an actor": (lambda s, c: s.audit_page(AuditFilter(actor="rare"), c, 5), "ix_audit_events_actor"),
    "log of an action": (lambda s, c: s.audit_page(CHANGES, c, 5), "ix_audit_events_action"),
    "sightings": (lambda s, c: s.sighting_page(serial_of(3), None, c, 20), "ix_sightings_serial"),
}


def test_an_index_answers_every_page(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_pages, "MOST_EXAMINED", 60)  # of so few devices, 500 are worth a whole table
    with writing(store._engine, None) as connection:
        fill_devices(connection, "main", 2 * RARE)
        fill_labels(connection, "main", 2 * RARE)
        connection.execute(text("DELETE FROM audit_events"))
        fill_audit_log(connection, 20_000)
        fill_sightings(connection, [serial_of(number) for number in range(200)], 30)
    with store._engine.begin() as connection:
        count_anew(connection)
    for name, (ask, index) in QUESTIONS.items():
        following = ask(store, None).next
        assert following, name
        plan = plan_of(store._engine, partial(ask, store, following))
        assert whole_tables(store._engine, plan, TABLES) == set(), f"{name}:\n{plan}"
        assert index in plan, f"{name}:\n{plan}"
        assert "search" not in name or "ix_device_histories_adoption" not in plan, f"{name}: as wide as the table"
    with store._engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_sightings_serial"))
    store._engine.dispose()  # SQLite's driver keeps what it has compiled
    plan = plan_of(store._engine, lambda: store.sighting_page(serial_of(3), None, None, 50))
    assert whole_tables(store._engine, plan, TABLES) == {"sightings"}, "the negative control"
