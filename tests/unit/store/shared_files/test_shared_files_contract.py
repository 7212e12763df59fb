"""The contract of files that all hosts share, on every database."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engage_server.errors import Conflict, NotPossible
from engage_server.records import AuditEvent, CallIn, CallInWay, Device
from engage_server.store.database.engine import open_engine
from engage_server.store.interface.shared_files import (
    NOT_SHARED,
    REMOVED,
    SharedDraft,
    SharedReport,
    UploadKey,
    UploadLimits,
)
from engage_server.store.shared_files import file_queries
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.rows import site
from tests.support.world import serial_of

ONE, TWO = serial_of(1), serial_of(2)
SHARED = CallIn(CallInWay.SHARED)
LIMITS = UploadLimits(1 << 20, 1 << 20)


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    for name in ("main", "north"):
        store.add_site(replace(site(name), call_in=SHARED), SITE_KEY, event)
    yield store
    store.close()


def database(number: int, content: bytes = b"") -> SharedDraft:
    return SharedDraft("database", f"0x{number:016X}", content or b"database %d" % number)


def put(store: SqlStore, number: int, serial: str = ONE) -> int:
    before = next((each.change for each in store.shared_heads("main", serial) if each.is_current), None)
    head = store.put_shared_file("main", serial, database(number), before, NOW)
    assert head is not None
    return head.change


def test_a_put_database_is_current_and_the_one_before_is_an_earlier_one(store: SqlStore) -> None:
    first, second = put(store, 1), put(store, 2)
    assert second > first >= int(NOW.timestamp() * 1000)
    heads = store.shared_heads("main", ONE)
    assert [(each.version[-1], each.is_current) for each in heads] == [("1", False), ("2", True)]
    assert store.shared_content("main", second) == b"database 2"
    assert [each.change for each in store.changed_shared_files("main", 0, 10)] == [second], "earlier ones are no change"
    assert store.changed_shared_files("main", second, 10) == []
    assert store.shared_standing("north") is None
    assert store.shared_standings()["main"].changes == second


def test_ten_earlier_databases_are_kept(store: SqlStore) -> None:
    for number in range(1, 15):
        put(store, number)
    versions = sorted(int(each.version, 16) for each in store.shared_heads("main", ONE))
    assert versions == list(range(4, 15))


def test_only_the_expected_file_is_replaced(store: SqlStore, event: AuditEvent) -> None:
    first = put(store, 1)
    put(store, 2)
    entries = store.audit_head().number
    assert store.put_shared_file("main", ONE, database(3), first, NOW, event=event) is None
    assert store.put_shared_file("main", ONE, database(3), None, NOW, event=event) is None
    assert [each.version[-1] for each in store.shared_heads("main", ONE)] == ["1", "2"]
    assert store.audit_head().number == entries


def test_a_put_file_its_entry_and_its_device_are_one(store: SqlStore, event: AuditEvent) -> None:
    entries, generation = store.audit_head().number, store.generation()
    store.put_shared_file("main", ONE, database(1), None, NOW, event=event, device=Device(ONE, "main", NOW))
    assert store.site_of_device(ONE) == "main"
    assert (store.audit_head().number, store.generation() > generation) == (entries + 1, True)
    with pytest.raises(Conflict):
        store.put_shared_file("north", ONE, database(1), None, NOW, event=event, device=Device(ONE, "north", NOW))
    assert store.shared_heads("north", ONE) == []


def test_nothing_is_put_for_a_site_that_shares_no_files(store: SqlStore, event: AuditEvent) -> None:
    plain = store.change_site(replace(store.site("main"), call_in=CallIn()), event)
    entries = store.audit_head().number
    with pytest.raises(Conflict, match="answers call-ins from files of each host") as refused:
        store.put_shared_file("main", ONE, database(1), None, NOW, event=event, device=Device(ONE, "main", NOW))
    assert refused.value.code == NOT_SHARED
    assert (store.shared_heads("main", ONE), store.audit_head().number) == ([], entries)
    assert store.put_shared_file("main", ONE, database(1), None, NOW, even_unshared=True), "before it shares them"
    store.change_site(replace(plain, call_in=SHARED), event)
    assert put(store, 2), "the control"


def test_a_site_goes_on_to_share_its_files_until_one_that_is_being_put_is_there(
    store: SqlStore, event: AuditEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves the files back after the change of the site then finds it."""
    at_change: list[int] = []
    plain = replace(store.site("main"), call_in=CallIn())

    def change() -> None:
        store.change_site(plain, event)
        at_change.append(len(store.shared_heads("main", ONE)))

    changing = threading.Thread(target=change)
    putting = file_queries.put

    def slowly(*arguments: Any) -> Any:
        changing.start()
        changing.join(0.5)
        assert at_change == [], "it waits"
        return putting(*arguments)

    monkeypatch.setattr(file_queries, "put", slowly)
    put(store, 1)
    changing.join()
    assert at_change == [1]


def test_earlier_ones_come_along_once(store: SqlStore) -> None:
    earlier = [database(1), database(2), database(9)]
    head = store.put_shared_file("main", ONE, database(3), None, NOW, earlier=earlier)
    assert head is not None
    store.put_shared_file("main", ONE, database(4), head.change, NOW, earlier=earlier)
    assert [int(each.version, 16) for each in store.shared_heads("main", ONE)] == [1, 2, 3, 4]


def test_a_removed_device_leaves_a_word_for_the_hosts(store: SqlStore, event: AuditEvent) -> None:
    change = put(store, 1)
    add(store, ONE, "a")
    store.put_shared_report("main", SharedReport(ONE, "parameters", NOW, "", b"{}"))
    assert store.remove_device(ONE, "main", event, had_files=False)
    (left,) = store.changed_shared_files("main", change, 10)
    assert (left.kind, left.serial) == (REMOVED, ONE)
    assert list(store.shared_serials("main", "", 10)) == []
    assert not store.remove_device(ONE, "main", event, had_files=False), "a word is nothing to remove"
    again = put_first(store)
    heads = store.changed_shared_files("main", change, 10)
    assert [each.change for each in heads] == [left.change, again], "a host that was away has to hear both, in order"
    assert list(store.shared_serials("main", "", 10)) == [ONE]
    assert store.remove_device(ONE, "main", event, had_files=False)
    assert [each.kind for each in store.shared_heads("main", ONE)] == [REMOVED], "one word is enough"


def test_a_removed_device_gives_its_room_back(store: SqlStore, event: AuditEvent) -> None:
    """Else a site is full one day, whatever is removed."""
    add(store, ONE, "a"), add(store, TWO, "b")
    before = store.shared_standings()["main"].bytes
    assert store.remove_device(ONE, "main", event, had_files=False)
    left = store.shared_standings()["main"]
    assert 0 < left.bytes < before
    assert left.bytes == sum(store.shared_upload_bytes("main", TWO).values())
    assert left.uploads == 2, "numbers are never given again"


def test_a_host_whose_clock_is_ahead_has_the_last_word_for_no_day(store: SqlStore) -> None:
    store.put_shared_report("main", SharedReport(ONE, "given", NOW + timedelta(days=3650), "", b"{}"))
    later = datetime.now(UTC) + timedelta(seconds=1)
    store.put_shared_report("main", SharedReport(ONE, "given", later, "", b'{"fw":2}'))
    report = store.shared_report("main", ONE, "given")
    assert report is not None
    assert report.content == b'{"fw":2}'


def put_first(store: SqlStore) -> int:
    head = store.put_shared_file("main", ONE, database(7), None, NOW)
    assert head is not None
    return head.change


def test_a_site_goes_with_its_files(store: SqlStore, event: AuditEvent) -> None:
    put(store, 1)
    add(store, ONE, "a")
    store.make_default("north", event)
    store.remove_site("main", event)
    assert store.shared_standings() == {}


def add(store: SqlStore, serial: str, digest: str, content: bytes = b"{}", limits: UploadLimits = LIMITS) -> bool:
    def fold(before: bytes | None, _newest: Sequence[bytes]) -> bytes | None:
        return content if before is None else None

    return store.add_shared_upload("main", UploadKey(serial, "audits", digest), fold, limits)


def test_the_same_upload_is_one_row(store: SqlStore) -> None:
    assert add(store, ONE, "a")
    assert not add(store, ONE, "a")
    assert add(store, TWO, "a")
    assert [(each.serial, each.number) for each in store.shared_uploads_after("main", 0, 10, 1000)] == [
        (ONE, 1),
        (TWO, 2),
    ]
    standing = store.shared_standing("main")
    assert standing is not None
    assert (standing.uploads, standing.bytes) == (2, 4)


def test_the_same_upload_of_many_threads_is_one_row_and_numbers_have_no_gap(store: SqlStore) -> None:
    threads = [threading.Thread(target=lambda number=number: add(store, ONE, f"{number % 4}")) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = store.shared_uploads_after("main", 0, 100, 1 << 20)
    assert sorted(each.number or 0 for each in found) == [1, 2, 3, 4]


def test_a_fold_gets_what_is_stored_and_the_newest_others(store: SqlStore) -> None:
    seen = []

    def fold(before: bytes | None, newest: Sequence[bytes]) -> bytes | None:
        seen.append((before, list(newest)))
        return b"new"

    add(store, ONE, "a", b"A")
    add(store, ONE, "b", b"B")
    store.add_shared_upload("main", UploadKey(ONE, "audits", "c"), fold, LIMITS)
    store.add_shared_upload("main", UploadKey(ONE, "audits", "a"), fold, LIMITS)
    assert seen == [(None, [b"A", b"B"]), (b"A", [])]
    assert [each.content for each in store.shared_uploads_of("main", ONE, "audits", 0, 9, 99)] == [b"new", b"B", b"new"]
    assert store.shared_upload_bytes("main", ONE) == {"audits": 7}


@pytest.mark.parametrize("limits", [UploadLimits(10, 1 << 20), UploadLimits(1 << 20, 10)])
def test_uploads_beyond_a_limit_are_not_stored(store: SqlStore, limits: UploadLimits) -> None:
    assert add(store, ONE, "a", b"x" * 8, limits)
    with pytest.raises(NotPossible, match="disk_mib"):
        add(store, ONE, "b", b"x" * 8, limits)
    assert len(store.shared_uploads_after("main", 0, 10, 1000)) == 1


def test_a_page_has_at_least_one_upload_and_few_bytes(store: SqlStore) -> None:
    for each in "abc":
        add(store, ONE, each, b"x" * 100)
    assert len(store.shared_uploads_after("main", 0, 10, 1)) == 1
    assert [each.number for each in store.shared_uploads_after("main", 1, 10, 250)] == [2, 3]
    assert len(store.shared_uploads_after("main", 0, 2, 1000)) == 2


def test_an_imported_upload_has_no_number(store: SqlStore) -> None:
    assert store.import_shared_uploads("main", {UploadKey(ONE, "audits", "i"): b"{}"}) == 1
    assert store.import_shared_uploads("main", {UploadKey(ONE, "audits", "i"): b"{}"}) == 0
    assert store.shared_uploads_after("main", 0, 10, 1000) == []
    assert [each.number for each in store.shared_uploads_of("main", ONE, "audits", 0, 10, 1000)] == [None]


def test_a_later_word_stays(store: SqlStore) -> None:
    def word(seconds: int, content: bytes) -> SharedReport:
        return SharedReport(ONE, "given", NOW + timedelta(seconds=seconds), "0x1", content)

    for seconds, content in ((10, b"late"), (5, b"early"), (10, b"same")):
        store.put_shared_report("main", word(seconds, content))
    found = store.shared_report("main", ONE, "given")
    assert found is not None
    assert (found.content, found.at) == (b"same", NOW + timedelta(seconds=10))


def test_databases_that_were_not_fetched(store: SqlStore) -> None:
    put(store, 1)
    put(store, 2, TWO)
    store.put_shared_report("main", SharedReport(TWO, "given", NOW, f"0x{2:016X}", b"{}"))
    ((head, given),) = store.unfetched_shared_databases("main", "", 10)
    assert (head.serial, given) == (ONE, None)
    store.put_shared_report("main", SharedReport(ONE, "given", NOW, f"0x{9:016X}", b"{}"))
    ((head, given),) = store.unfetched_shared_databases("main", "", 10)
    assert given is not None
    assert given.version.endswith("9")
    assert list(store.shared_serials("main", "", 10)) == [ONE, TWO]
    assert list(store.shared_serials("main", ONE, 10)) == [TWO]


def test_a_backup_has_all_of_it(store: SqlStore) -> None:
    put(store, 1)
    add(store, ONE, "a")
    store.put_shared_report("main", SharedReport(ONE, "given", NOW, "", b"{}"))
    with store.picture() as picture:
        counts = {each: len(list(picture.rows(each))) for each in picture.tables() if each.startswith("shared_")}
    store.note_shared_reader("main", "ci", "00000000", 1)
    assert counts == {
        "shared_sites": 1,
        "shared_files": 1,
        "shared_uploads": 1,
        "shared_reports": 1,
        "shared_readers": 0,
    }
