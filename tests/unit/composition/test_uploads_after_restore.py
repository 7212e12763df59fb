"""Uploads that waited when the backup was made: each reaches the partner after a restore, in order, under its key."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engage_server.records import Upstream
from engage_server.services.call_in.delivering.delivery import UpstreamDelivery
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from tests.support.chains import NOW
from tests.support.delivering import upload
from tests.support.disk import room_in
from tests.support.installation import make_installation
from tests.support.partner import Partner
from tests.support.restoring import request_for, restored
from tests.support.running import engage, ok
from tests.support.world import serial_of


@pytest.fixture
def partner() -> Iterator[Partner]:
    partner = Partner().start()
    yield partner
    partner.stop()


def spool_of(installation: Path) -> UpstreamSpool:
    return UpstreamSpool(room_in(installation / "data", installation / "data" / "spool" / "upstream"))


def deliver(installation: Path, partner: Partner) -> int:
    """As a process that has just begun. How many were taken."""
    return UpstreamDelivery("main", spool_of(installation), Upstream(partner.url, 5)).run(lambda: NOW).taken


def test_each_is_taken_once_and_what_was_taken_before_comes_under_the_same_key(
    tmp_path: Path, partner: Partner
) -> None:
    before, place = tmp_path / "before", tmp_path / "place"
    before.mkdir()
    make_installation(before)
    for number in (1, 2):
        spool_of(before).append("main", serial_of(1), upload(number))
    ok(engage(before, "backup", "create", "backup.tar.gz"))
    shutil.copy(before / "engage.kek", tmp_path / "kept.kek")
    backup = shutil.move(before / "backup.tar.gz", tmp_path)
    assert deliver(before, partner) == 2, "after the backup, and before the disaster"

    restored(request_for(Path(backup), place))
    assert deliver(place, partner) == 2
    assert deliver(place, partner) == 0
    spool_of(place).append("main", serial_of(1), upload(3))
    assert deliver(place, partner) == 1

    assert [each.json["n"] for each in partner.got] == [1, 2, 1, 2, 3]
    keys = [each.headers["Idempotency-Key"] for each in partner.got]
    assert keys[:2] == keys[2:4], "by which the partner knows that it has them"
    assert len(set(keys)) == 3
