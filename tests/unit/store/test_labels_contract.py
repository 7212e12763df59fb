"""The contract of what people call devices, on every database: when a label goes, and what a search finds."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.event_codes import TROUBLE_CODES
from engage_server.records import (
    AuditEvent,
    Device,
    DeviceLabel,
    Sighting,
    SightingKind,
    every_item,
    searched_words,
    words_of,
)
from engage_server.services.evidence.fold import fold
from engage_server.store.database.engine import open_engine, reading
from engage_server.store.interface import DeviceFilter, TroubleFilter
from engage_server.store.labels.tables import device_labels, label_words
from engage_server.store.paging import search_pages
from engage_server.store.paging.search_pages import spellings
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.rows import site
from tests.support.world import address_of, serial_of

LABELS = {
    serial_of(1): DeviceLabel("North entrance", "Building 3, ground floor"),
    serial_of(2): DeviceLabel("Südtor / north side", "building 12"),
    serial_of(3): DeviceLabel("", "Building 3"),
    serial_of(4): DeviceLabel("100% _safe_"),
    serial_of(5): DeviceLabel("north"),
    serial_of(6): DeviceLabel("\U0001f6aa \u5317\u5165\u53e3"),
    "192.0.2.77": DeviceLabel("Northern gate"),
}
SEARCHES = ["north", "N", "NORTH EN", "building 3", "build", "sud", "Süd", "side", "100%", "_", "%"]
SEARCHES += ["北", "\U0001f6aa", "zz", "gate"]
LISTED = [serial_of(number) for number in (1, 2, 3, 8)]
HEX = "C0FE" + "0" * 12
OTHER = "0" * 16 + HEX


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    for name in ("main", "north"):
        store.add_site(site(name), SITE_KEY, event)
    store.add_devices([Device(each, "main", NOW) for each in LISTED], "main", event)
    store.add_devices([Device(each, "north", NOW) for each in (serial_of(9), OTHER)], "north", event)
    call(store, *LABELS, serial_of(7))
    for identity, label in LABELS.items():
        store.label_device(identity, "main", event, name=label.name, place=label.place)
    store.label_device(serial_of(9), "north", event, name="North of north", place=None)
    yield store
    store.close()


def call(store: SqlStore, *identities: str, release: int = 1) -> None:
    """Let devices finish TLS, a few hours after all others."""
    known = len(store.spool_offsets([f"turn {number}" for number in range(20)]))
    at = NOW + timedelta(hours=known)
    seen = [
        Sighting(
            SightingKind.HANDSHAKE_FINISHED,
            at,
            "https",
            each if "." in each else address_of(int(each, 16)),
            None if "." in each else each,
            "main",
            release,
        )
        for each in identities
    ]
    assert store.record_sightings(f"turn {known}", 0, 1, seen, fold, at)


def found(store: SqlStore, search: str, limit: int = 50, **others: object) -> list[str]:
    """What a walk over all pages finds."""
    wanted = replace(DeviceFilter(search=search), **others)  # type: ignore[arg-type]
    pages = every_item(lambda cursor: store.device_page("main", wanted, cursor, limit))
    return [each.identity for each in pages]


def orphans(store: SqlStore) -> list[tuple[str, str]]:
    """Words that belong to no label."""
    with reading(store._engine) as connection:
        labels = {
            (row.site_id, row.identity): DeviceLabel(row.name, row.place)
            for row in connection.execute(select(device_labels))
        }
        words = {(row.site_id, row.identity, row.words) for row in connection.execute(select(label_words))}
    of_labels = {(*key, each) for key, label in labels.items() for each in words_of(label)}
    return sorted((each[1], each[2]) for each in words ^ of_labels)


def by_hand(search: str, labels: Mapping[str, DeviceLabel]) -> list[str]:
    """What a search finds, by looking at everything."""
    searched = searched_words(search)
    ranked = [
        (min(words), identity)
        for identity, label in labels.items()
        if (words := [each for each in words_of(label) if searched and each.startswith(searched)])
    ]
    return [identity for _, identity in sorted(ranked)]


class TestLabels:
    def test_they_come_back_for_one_site(self, store: SqlStore) -> None:
        asked = [*LABELS, serial_of(7), serial_of(9), "nobody"]
        assert store.device_labels("main", asked) == LABELS
        assert set(store.device_labels("north", asked)) == {serial_of(9)}
        assert store.has_labels("main")
        for ask in (lambda: store.device_labels("x", []), lambda: store.has_labels("x")):
            with pytest.raises(NotFound):
                ask()

    def test_pages_bring_them(self, store: SqlStore) -> None:
        items = store.device_page("main", DeviceFilter(), None, 50).items
        assert {each.identity: each.label for each in items if each.label} == LABELS

    def test_an_empty_one_is_removed(self, store: SqlStore, event: AuditEvent) -> None:
        store.label_device(serial_of(1), "main", event, name="", place=None)
        assert store.device_labels("main", [serial_of(1)]) == {
            serial_of(1): DeviceLabel("", LABELS[serial_of(1)].place)
        }
        store.label_device(serial_of(1), "main", event, name=None, place="")
        assert store.device_labels("main", [serial_of(1)]) == {}
        assert orphans(store) == []

    def test_who_is_not_known_gets_none(self, store: SqlStore, event: AuditEvent) -> None:
        for unknown in (serial_of(9), serial_of(60), "192.0.2.200", address_of(1)):
            with pytest.raises(NotFound, match="knows no device"):
                store.label_device(unknown, "main", event, name="x", place=None)
        with pytest.raises(NotFound):
            store.label_device(serial_of(1), "x", event, name="x", place=None)

    def test_forgetting_leaves_those_of_listed_devices(self, store: SqlStore, event: AuditEvent) -> None:
        for identity in (serial_of(1), serial_of(5), "192.0.2.77"):
            store.forget_device(identity, None, event)
        assert set(store.device_labels("main", list(LABELS))) == {*LABELS} - {serial_of(5), "192.0.2.77"}
        assert orphans(store) == []

    def test_removing_takes_them(self, store: SqlStore, event: AuditEvent) -> None:
        for identity in (serial_of(1), serial_of(5)):
            store.remove_device(identity, "main", event, had_files=False)
        assert set(store.device_labels("main", list(LABELS))) == {*LABELS} - {serial_of(1), serial_of(5)}
        assert orphans(store) == []

    def test_a_site_takes_its_own(self, store: SqlStore, event: AuditEvent) -> None:
        store.rename_site("main", "new", event)
        assert store.device_labels("new", list(LABELS)) == LABELS
        store.remove_site("new", event)
        assert orphans(store) == []
        assert store.has_labels("north")
        with reading(store._engine) as connection:
            assert connection.scalar(text("SELECT count(*) FROM device_labels")) == 1


class TestSearch:
    def test_finds_what_begins_so_each_once_in_order(self, store: SqlStore) -> None:
        for search in SEARCHES:
            expected = by_hand(search, LABELS)
            assert bool(expected) is (search not in ("zz", "%")), search
            for limit in (1, 2, 50):
                assert found(store, search, limit) == expected, (search, limit)

    def test_finds_numbers_and_addresses_behind_words(self, store: SqlStore, event: AuditEvent) -> None:
        everyone = sorted({*LABELS, *LISTED, serial_of(7)} - {"192.0.2.77"})
        assert found(store, serial_of(7)) == [serial_of(7)]
        assert found(store, serial_of(7).lower()[:31], 2) == everyone
        assert found(store, "192.0.2.7") == found(store, "192.") == ["192.0.2.77"]
        assert found(store, "192.0.2.78") == found(store, "FF") == []
        store.add_device(Device(HEX + "A" * 16, "main", NOW, DeviceLabel("C0FE door")), event)
        store.add_device(Device(HEX + "B" * 16, "main", NOW), event)
        store.add_device(Device(OTHER[:-1] + "5", "main", NOW), event)
        for limit in (1, 50):
            assert found(store, "c0 fe", limit) == [HEX + "A" * 16, HEX + "B" * 16, OTHER[:-1] + "5"]
            assert found(store, "c0fe", limit) == [HEX + "A" * 16, HEX + "B" * 16, OTHER[:-1] + "5"], "each once"

    def test_with_the_other_filters(self, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search_pages, "MOST_EXAMINED", 3)
        call(store, serial_of(5), release=2)
        missing = [each for each in by_hand("north", LABELS) if each != serial_of(5)]
        for limit in (1, 2, 50):
            assert found(store, "north", limit, release=2, missing=True) == missing
        troubled = TroubleFilter(NOW + timedelta(days=90), TROUBLE_CODES)
        assert found(store, "north", trouble=troubled) == by_hand("north", LABELS)
        assert found(store, "north", trouble=TroubleFilter(NOW, TROUBLE_CODES)) == []
        assert found(store, "north", host="x.example") == []

    def test_a_walk_skips_none_while_others_are_named(self, store: SqlStore, event: AuditEvent) -> None:
        steady, names = by_hand("north", LABELS), iter(("north a", "Aaa", "", "zz north"))
        walked, cursor = list[str](), None
        while cursor or not walked:
            page = store.device_page("main", DeviceFilter(search="north"), cursor, 1)
            walked += [each.identity for each in page.items]
            store.label_device(serial_of(7), "main", event, name=next(names, "north z"), place=None)
            cursor = page.next
        assert [each for each in walked if each != serial_of(7)] == steady
        assert orphans(store) == []

    def test_a_cursor_fits_its_own_search(self, store: SqlStore) -> None:
        cursor = store.device_page("main", DeviceFilter(search="north"), None, 1).next
        assert cursor
        for other in ("nort", ""):
            with pytest.raises(UsageError) as caught:
                store.device_page("main", DeviceFilter(search=other), cursor, 1)
            assert caught.value.code == "cursor.invalid"

    def test_the_longest_words_fit_a_cursor(self, store: SqlStore, event: AuditEvent) -> None:
        for number in (1, 2):
            store.label_device(serial_of(number), "main", event, name=None, place="\U0001f6aa" * 119 + str(number))
        assert found(store, "\U0001f6aa" * 119, 1) == [serial_of(1), serial_of(2)]


@pytest.mark.parametrize(
    ("search", "begins"),
    [
        ("a0b1", ["A0B1", "0" * 16 + "A0B1"]),
        ("A0:B1-00", ["a0:b1-00", "A0B100", "0" * 16 + "A0B100"]),
        ("00A0", ["00A0"]),
        ("A" * 17, ["A" * 17]),
        ("A" * 33, []),
        ("10.2", ["10.2"]),
        ("FE80::1", ["fe80::1", "FE801", "0" * 16 + "FE801"]),
        ("gate", []),
        (" ", []),
    ],
)
def test_how_a_number_may_be_written(search: str, begins: list[str]) -> None:
    assert spellings(search) == begins
