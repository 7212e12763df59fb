"""Two hosts share the files of a site: what one is told, the other gives."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from engage_server.errors import Conflict, NotFound, NotPossible, Refused, StoreNotUsable, UsageError
from engage_server.protocol.json_body import read_json, write_json
from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.services.call_in.call import CallKind
from engage_server.services.device_files.finding import find_device_files
from engage_server.services.device_files.folder import Collection
from engage_server.services.device_files.for_devices import FileForDevice
from engage_server.services.shared_files.copies import SharedCopies
from engage_server.services.shared_files.place import STATE
from engage_server.store.database.engine import open_engine, sqlite_path
from engage_server.store.interface.shared_files import UploadLimits
from engage_server.store.shared_files.sealed_contents import what_of_upload
from engage_server.store.shared_files.tables import shared_files, shared_sites, shared_uploads
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW, SITE_KEY
from tests.support.databases import SEALER
from tests.support.disk import PLENTY
from tests.support.rows import site
from tests.support.shared_nodes import WHO, Node, database, filled
from tests.support.world import serial_of

ONE, TWO = serial_of(1), serial_of(2)
SHARED = CallIn(CallInWay.SHARED)


@pytest.fixture
def store(migrated_url: str, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_url), SEALER)
    store.add_site(replace(site("main"), call_in=SHARED), SITE_KEY, event)
    yield store
    store.close()


@pytest.fixture
def nodes(store: SqlStore, tmp_path: Path) -> tuple[Node, Node]:
    return Node(tmp_path / "a", store), Node(tmp_path / "b", store)


class TestDown:
    def test_what_is_put_at_one_host_is_given_by_both_in_the_same_bytes(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        version = b.put(ONE, database(1))
        b.put(ONE, {"invalidAttempts": 5}, FileForDevice.CONFIGURATION)
        assert a.get(ONE).status == 503, "a new host does not know yet what there is"
        a.follow(), b.follow()
        assert (a.get(ONE).status, a.get(ONE).body) == (200, b.get(ONE).body)
        assert read_json(a.get(ONE).body)["config"] == {"invalidAttempts": 5}  # type: ignore[index,call-overload]
        assert [each.files.version("main", ONE, FileForDevice.DATABASE) for each in nodes] == [version] * 2
        assert [each.files.read("main", ONE, FileForDevice.DATABASE).content for each in nodes] == [database(1)] * 2
        assert a.get(TWO).status == 404, "now it is known that there is none"

    def test_increments_are_the_same_at_a_host_that_missed_some(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        for number in range(1, 4):
            a.put(ONE, database(number))
            a.follow()
        b.follow()
        for since in ("0x1", "0x2", "0x3", "0x9", "0"):
            assert a.get(ONE, since).body == b.get(ONE, since).body
        assert a.get(ONE, "0x2").body != a.get(ONE, "0").body, "it is an increment"
        names = [sorted(each.name for each in (node.data / "main" / ONE / "earlier").iterdir()) for node in nodes]
        assert names[0] == names[1] != []

    def test_only_what_changed_is_copied(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        a.put(ONE, database(1)), a.put(TWO, database(1))
        assert a.follow().files == 2
        assert a.follow().files == 0
        a.put(TWO, database(2))
        assert a.follow().files == 2, "the database, and the one before"

    def test_after_a_restore_a_host_never_goes_back(
        self, nodes: tuple[Node, Node], store: SqlStore, event: AuditEvent
    ) -> None:
        a, b = nodes
        a.put(ONE, database(9))
        a.follow()
        store.remove_shared_files("main", event)
        b.put(ONE, database(6))
        (fault,) = a.follow().faults
        assert "newer" in fault[1]
        a.copy.check("main")
        assert b"000009" in a.get(ONE).body
        (a.data / "main" / STATE).unlink()
        assert a.follow().faults != []
        assert b"000009" in a.get(ONE).body
        assert b.follow().faults == []
        assert b"000006" in b.get(ONE).body

    @pytest.mark.parametrize("name", ["database.json", "configuration.json", "earlier/0x0000000000000001.json"])
    @pytest.mark.parametrize("content", [b'{"nxtDbVerTS": "0x9", "db": {}, "config": {}}', None])
    def test_a_copy_that_is_changed_or_removed_by_hand_is_not_served_and_comes_back(
        self, nodes: tuple[Node, Node], name: str, content: bytes | None
    ) -> None:
        a, b = nodes
        a.put(ONE, database(1)), a.put(ONE, database(2))
        a.put(ONE, {"invalidAttempts": 5}, FileForDevice.CONFIGURATION)
        a.follow(), b.follow()
        path = a.data / "main" / ONE / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        with pytest.raises(NotPossible, match="changed or removed"):
            a.get(ONE, "0x1")
        a.follow()
        (a.data / "main" / ONE / "audits.json").write_bytes(b"{}")  # not a copy: nothing is compared
        done = a.copy.check("main")
        assert done.files == 1
        assert ["changed on the disk" in each[1] for each in done.faults] == [True] * bool(content)
        assert a.get(ONE, "0x1").body == b.get(ONE, "0x1").body
        aside = path.with_name(path.name + ".changed")
        assert (aside.read_bytes() if aside.exists() else None) == content

    def test_a_folder_that_is_removed_by_hand_comes_back(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        a.put(ONE, database(1))
        a.follow()
        before = a.get(ONE).body
        shutil.rmtree(a.data / "main" / ONE)
        assert a.follow().files == 0, "nothing changed in the database"
        assert a.copy.check("main").files == 1
        assert a.get(ONE).body == before

    def test_a_file_that_no_host_shares_is_not_served(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        a.put(ONE, database(1))
        a.follow()
        with a.folders.open("main", TWO) as folder:
            folder.put_database(database(3))
        with pytest.raises(NotPossible):
            a.get(TWO)
        assert a.moving.load("main", NOW, files_win=False).files == 1
        a.follow()
        assert a.get(TWO).status == 200

    def test_how_long_a_copy_lacks_a_change_is_known(self, nodes: tuple[Node, Node], store: SqlStore) -> None:
        a, _ = nodes
        a.put(ONE, database(1))
        copies = SharedCopies(store, a.copy, lambda: {"main": True}, lambda *each: None)
        copies.run(NOW)
        assert copies.behind == {}
        a.put(ONE, database(2))
        with a.moving.alone("main"):  # nothing is copied meanwhile
            for seconds in (1, 60):
                copies.run(NOW + timedelta(seconds=seconds))
                assert copies.behind == {"main": NOW + timedelta(seconds=1)}
        copies.run(NOW + timedelta(seconds=61))
        assert copies.behind == {}

    def test_after_a_restore_new_files_still_arrive(self, nodes: tuple[Node, Node], store: SqlStore) -> None:
        a, _ = nodes
        a.put(ONE, database(1))
        a.follow()
        state = a.data / "main" / STATE
        ahead = read_json(state.read_bytes())
        assert isinstance(ahead, dict)
        state.write_bytes(write_json(ahead | {"change": int(str(ahead["change"])) + 500}))
        assert "restored" in a.follow().faults[0][1]
        a.change.put("main", ONE, FileForDevice.DATABASE, database(2), None, replace(WHO, now=NOW + timedelta(1)))
        assert a.follow().faults == []
        assert b"000002" in a.get(ONE).body

    def test_what_a_clock_that_was_years_ahead_numbered_hides_nothing_after_a_restore(
        self, nodes: tuple[Node, Node], store: SqlStore
    ) -> None:
        a, _ = nodes
        a.put(ONE, database(1))
        before = store.shared_standings()["main"].changes
        late = replace(WHO, now=NOW + timedelta(days=3650))
        a.change.put("main", ONE, FileForDevice.DATABASE, database(2), None, late)
        a.follow()
        with store._engine.begin() as connection:  # an earlier database is restored
            connection.execute(update(shared_sites).values(changes=before))
            connection.execute(delete(shared_files).where(shared_files.c.change > before))
        assert "restored" in a.follow().faults[0][1]
        a.put(TWO, database(1))
        assert a.follow().faults == []
        assert a.get(TWO).status == 200
        assert b"000002" in a.get(ONE).body

    def test_a_removed_device_is_removed_everywhere(
        self, nodes: tuple[Node, Node], store: SqlStore, event: AuditEvent
    ) -> None:
        a, b = nodes
        a.put(ONE, database(1))
        a.follow(), b.follow()
        assert store.remove_device(ONE, "main", event, had_files=False)
        a.follow(), b.follow()
        assert [each.get(ONE).status for each in nodes] == [404, 404]
        b.put(ONE, database(1))
        a.follow()
        assert a.get(ONE).status == 200

    def test_the_seen_version_is_demanded(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        first = a.put(ONE, database(1))
        put = FileForDevice.DATABASE
        with pytest.raises(Conflict, match="changed"):
            b.change.put("main", ONE, put, database(2), "", WHO)
        b.change.put("main", ONE, put, database(2), first, WHO)
        with pytest.raises(Conflict, match="changed"):
            a.change.put("main", ONE, put, database(3), first, WHO)
        with pytest.raises(Refused, match="not newer"):
            a.put(ONE, database(1))
        with pytest.raises(NotFound):
            a.files.read("main", TWO, put)

    def test_a_fault_is_told_once_and_of_one_site_only(self, nodes: tuple[Node, Node], store: SqlStore) -> None:
        a, _ = nodes
        a.put(ONE, database(5))
        a.follow()
        state = a.data / "main" / STATE
        ahead = read_json(state.read_bytes())
        assert isinstance(ahead, dict)
        state.write_bytes(write_json(ahead | {"change": int(str(ahead["change"])) + 500}))
        told: list[tuple[str, str, str]] = []
        copies = SharedCopies(store, a.copy, lambda: {"main": True, "gone": True}, lambda *each: told.append(each))
        copies.run(NOW)
        copies.run(NOW)
        assert [each[:2] for each in told] == [("main", "")]


class TestUp:
    def test_uploads_at_one_host_are_listed_at_the_other(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        assert a.post(ONE, {"audits": [{"event": "0B07"}]}) == 201
        assert a.post(ONE, {"audits": [{"event": "0B08"}]}) == 202
        assert a.post(ONE, {"alerts": []}, CallKind.ALERT) == 201
        assert b.uploads() == []
        a.deliver()
        assert b.uploads() == [{"audits": [{"event": "0B07"}]}, {"audits": [{"event": "0B08"}]}, {"alerts": []}]
        assert [each.code for each in b.exchange.events("main", ONE)] == ["0B07", "0B08"]
        assert a.waiting.uploads("main").waiting == 0

    def test_redelivery_makes_one_row_and_what_comes_again_is_counted(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        a.post(ONE, [{"event": "0B07"}])
        (pending,) = a.spool.pending("main")[ONE]
        for _ in range(3):
            a.destination.give(pending)
        a.deliver()
        (entry,) = a.exchange.collected("main", ONE, Collection.AUDITS)
        assert "times" not in entry
        b.now += timedelta(hours=1)
        b.post(ONE, [{"event": "0B07"}])
        b.deliver()
        (item,) = a.feed.page("main", None, 9).items
        assert item.entry is not None
        assert item.entry["times"] == 2

    @pytest.mark.parametrize(
        "content", [b"[]", b"{", b'{"upload": 1}', b'{"digest": "", "upload": 1, "receivedAt": 5}']
    )
    def test_a_damaged_row_does_not_stop_what_its_device_sends(
        self, nodes: tuple[Node, Node], store: SqlStore, content: bytes
    ) -> None:
        a, _ = nodes
        a.post(ONE, [{"event": "0B07"}])
        a.deliver()
        with store._engine.begin() as connection:
            number = shared_uploads.c.id
            (row,) = connection.execute(select(shared_uploads)).all()
            sealed = store._seal.seal(row.site_id, ONE, what_of_upload(row.collection, row.digest), content)
            connection.execute(update(shared_uploads).where(number == row.id).values(content_sealed=sealed))
        a.post(ONE, [{"event": "0B07"}]), a.post(ONE, [{"event": "0B08"}])
        a.deliver(60)
        assert a.waiting.uploads("main").waiting == 0
        assert a.uploads() == [[{"event": "0B07"}], [{"event": "0B08"}]]

    def test_events_that_came_before_are_marked(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        a.post(ONE, [{"event": "0B07", "n": 1}])
        a.deliver()
        b.post(ONE, [{"event": "0B07", "n": 1}, {"event": "0B08", "n": 2}])
        b.deliver()
        second = a.feed.page("main", None, 9).items[1].entry
        assert second is not None
        assert second["repeated"] == [0]
        assert len(a.exchange.events("main", ONE)) == 2

    def test_parameters_and_calls_are_the_last_ones_of_any_host(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        a.put(ONE, database(1))
        a.follow(), b.follow()
        a.get(ONE)
        a.post(ONE, {"fw": 1, "wifiPassword": "secret"}, CallKind.CONFIG)
        a.deliver()
        assert b.waiting.databases("main", None, 9).items == ()
        b.put(ONE, database(2))
        assert [each.fetched[-1] for each in a.waiting.databases("main", None, 9).items] == ["1"]
        b.now += timedelta(hours=2)
        b.follow()
        b.get(ONE, "0x1")
        b.post(ONE, {"fw": 2}, CallKind.CONFIG)
        b.deliver()
        given = a.exchange.given("main", ONE)
        assert given is not None
        assert (given.asked_with, given.version[-1]) == ("0x1", "2")
        assert set(a.exchange.files("main", ONE)) == {"database.json", "parameters.json"}
        report = a.store.shared_report("main", ONE, "parameters")
        assert report is not None
        assert b'"fw":2' in report.content
        assert b"secret" not in report.content
        assert a.waiting.databases("main", None, 9).items == ()

    def test_credentials_and_trials(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        assert a.post(ONE, {"c": 1}, CallKind.CREDENTIAL) == 201
        assert a.post(ONE, {"c": 1}, CallKind.CREDENTIAL_SCAN) == 200
        assert a.post(TWO, [{"event": "0B07"}], trial=True) == 201
        assert a.post(TWO, {"fw": 1}, CallKind.CONFIG, trial=True) == 200
        a.deliver()
        assert [each.entry["call"] for each in a.feed.page("main", None, 9).items if each.entry] == [
            "credentials",
            "scan",
        ]
        assert a.exchange.serials("main") == [ONE]

    def test_the_feed_goes_on_where_it_was(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        for number in range(5):
            (a, b)[number % 2].post(ONE, [{"n": number}])
            a.deliver(20)
            b.deliver(20)
        first = a.feed.page("main", None, 2)
        assert (len(first.items), first.has_more) == (2, True)
        rest = b.feed.page("main", first.cursor, 9)
        assert (len(rest.items), rest.has_more) == (3, False)
        assert a.feed.page("main", rest.cursor, 9).items == ()
        with pytest.raises(UsageError):
            a.feed.page("main", "x", 9)
        with pytest.raises(Refused, match="cursor"):
            a.feed.page("main", "00000000-1", 9)
        with pytest.raises(Refused, match="cursor"):
            a.feed.page("main", f"{rest.cursor}9", 9)

    def test_pages_of_a_device(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        for number in range(3):
            a.post(ONE, [{"n": number}])
        a.post(ONE, {"alert": 1}, CallKind.ALERT)
        a.deliver()
        seen, cursor = [], None
        while True:
            page = a.exchange.uploads("main", ONE, cursor, 2)
            seen += [each.entry["upload"] for each in page.items if each.entry]
            if (cursor := page.next) is None:
                break
        assert seen == [[{"n": 0}], [{"n": 1}], [{"n": 2}], {"alert": 1}]
        with pytest.raises(UsageError):
            a.exchange.uploads("main", ONE, "audits.0.0.x", 2)

    def test_beyond_its_limit_a_device_waits_and_keeps(self, store: SqlStore, tmp_path: Path) -> None:
        node = Node(tmp_path / "small", store, UploadLimits(300, PLENTY))
        for number in range(4):
            node.post(ONE, [{"n": number, "text": "x" * 50}])
        node.post(TWO, [{"n": 9}])
        node.deliver()
        assert 0 < node.waiting.uploads("main").waiting < 4
        assert {"n": 9} in [each[0] for each in node.uploads()]
        assert "device_disk_mib" in node.delivery.run(lambda: node.now + timedelta(seconds=60)).trouble


class TestAway:
    def test_without_the_database_devices_are_answered_and_it_catches_up(
        self, nodes: tuple[Node, Node], store: SqlStore, migrated_url: str
    ) -> None:
        path = sqlite_path(migrated_url)
        if path is None:
            pytest.skip("a file can be moved away; PostgreSQL is in the end to end test")
        a, b = nodes
        a.put(ONE, database(1))
        a.follow()
        gone = path.rename(path.with_suffix(".away"))
        with pytest.raises(StoreNotUsable):
            a.follow()
        assert a.get(ONE).status == 200
        assert a.post(ONE, [{"n": 1}]) == 201
        a.deliver()
        assert a.spool.every_pending("main") != {}
        gone.rename(path)
        b.put(ONE, database(2))
        a.deliver(60)
        a.follow()
        assert b.uploads() == [[{"n": 1}]]
        assert b"000002" in a.get(ONE).body


class TestMoving:
    def test_there_and_back_no_device_notices(self, store: SqlStore, tmp_path: Path, event: AuditEvent) -> None:
        a, b, c = (Node(tmp_path / name, store) for name in "abc")
        filled(a, ONE)
        before = {since: a.get(ONE, since, shared=False).body for since in ("0", "0x1", "0x2")}
        plain = store.change_site(replace(store.site("main"), call_in=CallIn()), event)
        version = a.files.version("main", ONE, FileForDevice.DATABASE)
        files = a.exchange.files("main", ONE)
        events = a.exchange.events("main", ONE)
        assert a.moving.faults("main") == []
        done = a.moving.load("main", NOW, files_win=True)
        assert (done.devices, done.files, done.uploads) == (1, 2, 1)
        again = a.moving.load("main", NOW, files_win=True)
        assert (again.files, again.uploads) == (0, 0)
        store.change_site(replace(plain, call_in=SHARED), event)
        a.follow(), b.follow()
        for node in (a, b):
            assert {since: node.get(ONE, since).body for since in before} == before
            assert node.files.version("main", ONE, FileForDevice.DATABASE) == version
            assert node.exchange.events("main", ONE) == events
            assert {name: size for name, size in node.exchange.files("main", ONE).items() if name in files} == {
                name: size for name, size in files.items() if name != "audits.json"
            }
        b.post(ONE, [{"event": "0B08"}])
        b.deliver()
        c.moving.write_back("main"), c.moving.write_back("main")
        store.change_site(replace(plain, call_in=CallIn()), event)
        assert {since: c.get(ONE, since, shared=False).body for since in before} == before
        assert c.files.version("main", ONE, FileForDevice.DATABASE) == version
        assert [each.code for each in c.exchange.events("main", ONE)] == ["0B07", "0B08"]
        given = c.exchange.given("main", ONE)
        assert given is not None
        assert given.version[-1] == "2"
        assert c.exchange.files("main", ONE)["parameters.json"] == files["parameters.json"]

    def test_a_newer_database_wins_whichever_way(self, nodes: tuple[Node, Node]) -> None:
        a, b = nodes
        a.put(ONE, database(5))
        with b.folders.open("main", ONE) as folder:
            folder.put_database(database(7))
        with b.folders.open("main", TWO) as folder:
            folder.put_database(database(1))
        assert b.moving.load("main", NOW, files_win=False).files == 2
        a.put(TWO, database(3))
        assert b.moving.load("main", NOW, files_win=False).files == 0
        a.follow()
        assert b"000007" in a.get(ONE).body
        assert b"000003" in a.get(TWO).body

    def test_what_is_changed_in_the_moment_of_the_move_is_moved(self, store: SqlStore, tmp_path: Path) -> None:
        """The order of ``engage site call-in --shared``, with a change between its two moves."""
        a, b = Node(tmp_path / "a", store), Node(tmp_path / "b", store)
        filled(a, ONE)
        with a.moving.alone("main"):
            first = a.moving.load("main", NOW, files_win=True)
            with a.folders.open("main", ONE) as folder:  # began before the site was changed
                folder.put("configuration.json", {"invalidAttempts": 9})
            a.follow()
            a.moving.load("main", NOW, files_win=False, since=first.change)
        a.follow(), b.follow()
        assert b.files.read("main", ONE, FileForDevice.CONFIGURATION).content == {"invalidAttempts": 9}
        assert a.get(ONE).body == b.get(ONE).body

    def test_what_another_host_puts_after_the_change_wins(self, store: SqlStore, tmp_path: Path) -> None:
        a, b = Node(tmp_path / "a", store), Node(tmp_path / "b", store)
        filled(a, ONE)
        first = a.moving.load("main", NOW, files_win=True)
        b.put(ONE, {"invalidAttempts": 7}, FileForDevice.CONFIGURATION)
        a.moving.load("main", NOW, files_win=False, since=first.change)
        assert a.files.read("main", ONE, FileForDevice.CONFIGURATION).content == {"invalidAttempts": 7}

    def test_a_change_that_began_before_the_site_shared_goes_into_the_database(
        self, store: SqlStore, tmp_path: Path, event: AuditEvent
    ) -> None:
        node = Node(tmp_path / "a", store)
        plain = store.change_site(replace(store.site("main"), call_in=CallIn()), event)
        owner = node.change.owner

        def changed_meanwhile(site: str, serial: str) -> str | None:
            store.change_site(replace(plain, call_in=SHARED), event)
            return owner(site, serial)

        node.change.owner = changed_meanwhile  # type: ignore[method-assign]
        node.put(ONE, {"invalidAttempts": 5}, FileForDevice.CONFIGURATION)
        assert not (node.data / "main" / ONE / "configuration.json").exists()
        node.follow()
        assert node.files.read("main", ONE, FileForDevice.CONFIGURATION).content == {"invalidAttempts": 5}

    def test_a_change_that_began_before_the_site_had_its_files_again_goes_into_these(
        self, store: SqlStore, tmp_path: Path, event: AuditEvent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long it takes: the rows are no longer what a door gets."""
        node = Node(tmp_path / "a", store)
        plain = replace(store.site("main"), call_in=CallIn())
        put = store.put_shared_file

        def changed_meanwhile(*arguments: Any, **named: Any) -> Any:
            store.change_site(plain, event)
            return put(*arguments, **named)

        node.put(ONE, {"invalidAttempts": 4}, FileForDevice.CONFIGURATION)
        assert store.shared_heads("main", ONE), "the control"
        node.moving.write_back("main")
        with monkeypatch.context() as patched:
            patched.setattr(store, "put_shared_file", changed_meanwhile)
            node.put(ONE, {"invalidAttempts": 5}, FileForDevice.CONFIGURATION)
        assert node.files.read("main", ONE, FileForDevice.CONFIGURATION).content == {"invalidAttempts": 5}
        assert read_json((node.data / "main" / ONE / "configuration.json").read_bytes()) == {"invalidAttempts": 5}
        assert len(store.shared_heads("main", ONE)) == 1, "and not into the rows"

    def test_a_damaged_file_is_named_before_anything_moves(self, nodes: tuple[Node, Node]) -> None:
        a, _ = nodes
        filled(a, ONE)
        (a.data / "main" / ONE / "database.json").write_text("{")
        (fault,) = a.moving.faults("main")
        assert "database.json" in fault

    def test_an_import_goes_into_the_database_and_an_export_comes_from_it(
        self, nodes: tuple[Node, Node], tmp_path: Path
    ) -> None:
        a, b = nodes
        folder = tmp_path / "in" / ONE
        folder.mkdir(parents=True)
        (folder / "database.json").write_bytes(write_json(database(1)))
        (folder / "audits.json").write_bytes(write_json([{"event": "0B07"}]))
        found = find_device_files(tmp_path / "in").files
        a.exchange.assert_newer("main", found)
        a.exchange.bring_in("main", found, NOW)
        a.exchange.bring_in("main", found, NOW)
        assert not (a.data / "main" / ONE / "audits.json").exists()
        assert b.uploads() == [], "imported ones are in the list of their device only"
        assert len(b.exchange.uploads("main", ONE, None, 9).items) == 1
        b.exchange.take_out("main", b.exchange.serials("main"), tmp_path / "out")
        assert sorted(each.name for each in (tmp_path / "out" / ONE).iterdir()) == ["audits.json", "database.json"]
        assert read_json((tmp_path / "out" / ONE / "database.json").read_bytes()) == database(1)
        b.put(ONE, database(2))
        with pytest.raises(Refused, match="not newer"):
            a.exchange.assert_newer("main", found)
