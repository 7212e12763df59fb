"""Somebody writes into the rows of shared files, or into a host's copy: it costs one device a sentence, and no more."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from engage_server.errors import FileNotUsable
from engage_server.protocol.json_body import read_json, write_json
from engage_server.records import AuditEvent, CallIn, CallInWay
from engage_server.services.device_files.for_devices import FileForDevice
from engage_server.services.shared_files.place import STATE
from engage_server.store.database.engine import open_engine
from engage_server.store.shared_files.sealed_contents import what_of_file
from engage_server.store.shared_files.tables import shared_files
from engage_server.store.sql_store import SqlStore
from tests.support.chains import SITE_KEY
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.rows import site
from tests.support.shared_nodes import Node, database
from tests.support.world import serial_of

ONE, TWO = serial_of(1), serial_of(2)
BEYOND = "0xFFFFFFFFFFFFFFFF"


@pytest.fixture
def store(tmp_path: Path, event: AuditEvent) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    store.add_site(replace(site("main"), call_in=CallIn(CallInWay.SHARED)), SITE_KEY, event)
    yield store
    store.close()


@pytest.fixture
def node(store: SqlStore, tmp_path: Path) -> Node:
    """A host with everything of ONE, to which the next change of ONE and one of TWO are still to come."""
    node = Node(tmp_path / "host", store)
    node.put(ONE, database(1))
    node.follow()
    node.put(ONE, database(2)), node.put(TWO, database(5))
    return node


def change_row(store: SqlStore, device: str, values: dict[str, Any]) -> None:
    """Change the current rows of a device, as somebody with a login for the database can.

    A content is sealed as ours are: a damaged host may have done that. "forged" is one that is not.
    """
    values = dict(values)
    if "content" in values:
        content = values.pop("content")
        values["content_sealed"] = store._seal.seal(1, device, what_of_file("database", values["digest"]), content)
    with store._engine.begin() as connection:
        of_device = shared_files.c.serial == device, shared_files.c.is_current
        connection.execute(update(shared_files).where(*of_device).values(**values))


def with_content(content: bytes) -> dict[str, Any]:
    return {"content": content, "digest": hashlib.sha256(content).hexdigest(), "length": len(content)}


def paths_below(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


HARMFUL = write_json(database(2) | {"db": {"schedules": []}})
OLDER = write_json(database(1))


@pytest.mark.parametrize(
    "values",
    [
        {"serial": "../../../gone"},
        {"serial": ""},
        {"serial": ".."},
        {"serial": "", "kind": "removed"},
        {"serial": "../../precious", "kind": "removed"},
        {"serial": ONE.lower()},
        {"kind": "firmware"},
        {"version": "../../../../../x"},
        {"length": 1 << 30},
        with_content(b"x" * 100),
        with_content(HARMFUL),
        with_content(OLDER),
        {**with_content(OLDER), "version": BEYOND},
        {**with_content(OLDER), "digest": "0" * 64},
        {"content_sealed": b"forged"},
    ],
    ids=lambda values: " ".join(f"{name}={str(value)[:20]!r}" for name, value in values.items()),
)
def test_a_bad_row_leaves_everything_as_it_is_and_stops_nobody(
    node: Node, store: SqlStore, tmp_path: Path, values: dict[str, Any]
) -> None:
    precious = node.data.parent / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    before = paths_below(tmp_path)
    change_row(store, ONE, values)
    done, after = node.follow(), paths_below(tmp_path)
    assert len(done.faults) == 1, "somebody has to hear of it"
    assert "\n" not in done.faults[0][1]
    assert b"000001" in node.get(ONE).body, "the device keeps what it had"
    assert node.get(TWO).status == 200, "and the next one gets its database"
    of_two = {each for each in after if TWO in each}
    earlier = {f"host/data/main/{ONE}/earlier", f"host/data/main/{ONE}/earlier/0x0000000000000001.json"}
    assert after - of_two - earlier == before
    if "content_sealed" not in values:  # another key may open it: that may be this host's fault
        assert node.follow().faults == [], "it is not tried again: a new row has to come"


def test_a_huge_row_is_not_read(node: Node, store: SqlStore) -> None:
    change_row(store, ONE, {"content_sealed": b"x" * (18 * 1024 * 1024), "length": 5})
    (head,) = (each for each in store.changed_shared_files("main", 0, 9) if each.serial == ONE)
    assert store.shared_content("main", head.change) is None
    node.follow()
    assert b"000001" in node.get(ONE).body


class TestTheCopy:
    @pytest.mark.parametrize(
        "content",
        [
            b'{"journal": "x", "change": 1e999, "complete": true}',
            b'{"journal": "x", "change": 99999999999999999999999, "complete": true}',
            b'{"journal": [[[]]], "change": -5, "complete": true}',
            b'{"change": "0x1", "journal": 5, "complete": 1, "again": 7}',
            b"[" * 10_000,
            b"\xff\xfe",
            b"",
        ],
    )
    def test_a_hostile_state_only_begins_again(self, node: Node, content: bytes) -> None:
        (node.data / "main" / STATE).write_bytes(content)
        assert node.follow().faults == []
        assert b"000002" in node.get(ONE).body

    def test_a_pipe_is_told_and_not_waited_for(self, node: Node) -> None:
        folder, state = node.data / "main" / TWO, node.data / "main" / STATE
        folder.mkdir()
        os.mkfifo(folder / "database.json")
        begun = time.monotonic()
        assert [serial for serial, _ in node.follow().faults] == [TWO]
        assert b"000002" in node.get(ONE).body
        state.unlink()
        os.mkfifo(state)
        with pytest.raises(FileNotUsable, match="pipe"):
            node.follow()
        assert time.monotonic() - begun < 30

    def test_a_link_is_replaced_and_what_it_names_stays(self, node: Node, tmp_path: Path) -> None:
        outside, linked = tmp_path / "outside", node.data / "main" / ONE / "database.json"
        outside.write_bytes(linked.read_bytes())
        linked.unlink()
        linked.symlink_to(outside)
        assert node.follow().faults == []
        assert b"000001" in outside.read_bytes()
        assert b"000002" in node.get(ONE).body
        assert not linked.is_symlink()

    def test_one_folder_that_cannot_be_written_stops_nobody_and_is_tried_again(self, node: Node) -> None:
        blocked = node.data / "main" / ONE / "earlier"
        blocked.write_text("a file where a folder has to be")
        assert [serial for serial, _ in node.follow().faults] == [ONE]
        assert node.get(TWO).status == 200
        assert len(node.follow().faults) == 1, "it is still so"
        node.restart()
        blocked.unlink()
        assert node.follow().faults == []
        assert b"000002" in node.get(ONE).body
        assert node.follow().files == 0


class TestAStaleHost:
    def test_a_door_never_gets_an_older_database_than_it_has(self, store: SqlStore, tmp_path: Path) -> None:
        """A far host is cut off for a night. Meanwhile somebody was removed from the door's users."""
        far, near = Node(tmp_path / "far", store), Node(tmp_path / "near", store)
        near.put(ONE, database(2))
        far.follow(), near.follow()
        near.put(ONE, database(3))
        near.follow()
        far.later = 600.0
        assert near.get(ONE, "0x2").status == 200
        assert far.get(ONE, "0x3").status == 503, "the door calls again, and keeps its own"
        assert far.get(ONE, "0x2").status == 200, "one that has not been at the other host is answered"
        assert far.get(ONE, "0").status == 200, "so is one that has none"
        far.follow()
        far.later = 0.0
        assert far.get(ONE, "0x3").status == 200
        assert far.get(ONE, "0x9").status == 200, "a host that is up to date knows better than the door"

    def test_what_a_removed_door_had_does_not_come_back_with_it(
        self, store: SqlStore, tmp_path: Path, event: AuditEvent
    ) -> None:
        away, here = Node(tmp_path / "away", store), Node(tmp_path / "here", store)
        here.put(ONE, database(9)), here.put(ONE, {"invalidAttempts": 1}, FileForDevice.CONFIGURATION)
        away.follow(), here.follow()
        assert store.remove_device(ONE, "main", event, had_files=False)
        here.follow()
        here.put(ONE, database(2))
        here.follow(), away.follow()
        assert away.get(ONE).body == here.get(ONE).body
        assert read_json(away.get(ONE).body) == database(2)

    def test_a_host_that_lost_its_place_does_not_go_back(
        self, store: SqlStore, tmp_path: Path, event: AuditEvent
    ) -> None:
        node = Node(tmp_path / "host", store)
        node.put(ONE, database(1))
        assert store.remove_device(ONE, "main", event, had_files=False)
        node.put(ONE, database(2))
        node.follow()
        newer = write_json(database(3)) + b"\n"
        (node.data / "main" / ONE / "database.json").write_bytes(newer)
        (node.data / "main" / STATE).unlink()
        assert "newer" in node.follow().faults[0][1]
        assert (node.data / "main" / ONE / "database.json").read_bytes() == newer
