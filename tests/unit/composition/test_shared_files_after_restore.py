"""Files that all hosts share come back with a backup: a new host gives a door the same bytes, and has what it sent."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from engage_server.composition.operator_side import open_operator_side
from engage_server.settings import load_settings
from engage_server.store.sql_store import SqlStore
from tests.support.installation import make_installation
from tests.support.restoring import request_for, restored
from tests.support.running import engage, ok
from tests.support.shared_nodes import Node, filled
from tests.support.world import serial_of

ONE = serial_of(1)


def given_by_a_new_host(installation: Path, folder: Path) -> tuple[int, bytes, list[object]]:
    """The status before its first copy; then what a door gets, whole and in part, and what operators see of it."""
    side = open_operator_side(load_settings(None, {}, {}, installation), {}, lambda head: None)
    try:
        node = Node(folder, cast("SqlStore", side.shared_files))
        early = node.get(ONE).status
        node.follow()
        entries = [each.sentence for each in node.exchange.events("main", ONE)]
        return early, node.get(ONE).body + node.get(ONE, "0x1").body, [*entries, node.exchange.given("main", ONE)]
    finally:
        side.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_new_host_gives_the_same_bytes_from_the_restored_database(tmp_path: Path) -> None:
    before, place = tmp_path / "before", tmp_path / "place"
    before.mkdir()
    make_installation(before)
    shared = open_operator_side(load_settings(None, {}, {}, before), {}, lambda head: None)
    filled(Node(before, cast("SqlStore", shared.shared_files)), ONE)
    shared.close()
    ok(engage(before, "site", "call-in", "main", "--shared"))
    early, answers, seen = given_by_a_new_host(before, tmp_path / "new")
    assert early == 503
    assert len(seen) == 2
    ok(engage(before, "backup", "create", "backup.tar.gz"))
    shutil.copy(before / "engage.kek", tmp_path / "kept.kek")
    backup = Path(shutil.move(before / "backup.tar.gz", tmp_path))
    assert "shared files of devices" in ok(
        engage(before, "backup", "verify", str(backup), "--kek-file", str(tmp_path / "kept.kek"))
    )
    shutil.rmtree(before / "data")

    restored(request_for(backup, place))
    assert given_by_a_new_host(place, tmp_path / "newer") == (503, answers, seen)
    key = ok(engage(place, "key", "check"))
    assert "opens the installation key" in key
