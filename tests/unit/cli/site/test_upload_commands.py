"""Rejected uploads on the command line."""

import json
from pathlib import Path

from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from tests.support.commands import engage, ok
from tests.support.delivering import upload
from tests.support.disk import room_in
from tests.support.world import serial_of


def test_rejected_uploads_are_listed_tried_again_and_deleted(installation: Path) -> None:
    """As on the page of call-ins. Without a yes and without anybody to ask, nothing is deleted."""
    assert "no upload was rejected" in ok(engage(installation, "upload", "list"))
    spool = UpstreamSpool(room_in(installation / "data", installation / "data" / "spool" / "upstream"))
    for number in range(3):
        spool.append("main", serial_of(1), upload(number))
    names = [spool.reject(each, 422).name for each in spool.pending("main")[serial_of(1)][:2]]
    printed = ok(engage(installation, "upload", "list"))
    assert all(name in printed for name in names)
    assert "1 upload of 1 device waiting" in printed
    (first, _) = json.loads(ok(engage(installation, "upload", "list", "--json")))
    assert (first["upload"], first["status"], first["device"]) == (names[0], 422, serial_of(1))
    assert "1 upload of main will be delivered again" in ok(engage(installation, "upload", "try-again", names[0]))
    assert engage(installation, "upload", "try-again", names[0]).returncode == 2
    assert engage(installation, "upload", "try-again").returncode == 2
    assert engage(installation, "upload", "discard", names[1]).returncode != 0
    assert spool.counts("main") == (2, 1)
    ok(engage(installation, "upload", "discard", names[1], "--yes"))
    assert spool.counts("main") == (2, 0)
    assert "0 uploads of main" in ok(engage(installation, "upload", "try-again", "--all"))
