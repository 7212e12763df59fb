"""An operator sees that a door fetched the database that was imported for it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from engage_server.services.device_files.folder import DeviceFolder
from engage_server.services.device_files.given_database import GivenDatabase, record_given
from tests.support.commands import engage, ok
from tests.support.world import serial_of

DOOR = serial_of(4)
AT = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)


def shown(installation: Path) -> tuple[str, object]:
    text = ok(engage(installation, "device", "show", DOOR))
    (value,) = json.loads(ok(engage(installation, "device", "show", DOOR, "--json")))
    return " ".join(text.split()), value["database"]


def test_device_show(installation: Path) -> None:
    ok(engage(installation, "device", "add", DOOR))
    text, value = shown(installation)
    assert ("database:" in text, value) == (False, None)
    path = installation / "data" / "main" / DOOR
    path.mkdir(parents=True)
    for asked, had in (("0", "none"), ("0x0000000000000007", "0x0000000000000007")):
        record_given(DeviceFolder(path), GivenDatabase(AT, asked, "0x0000000000000008"))
        text, value = shown(installation)
        assert f"database: it was given 0x0000000000000008 on 2026-11-26 01:02 UTC, when it had {had}" in text
        assert value == {"given": "0x0000000000000008", "asked_with": asked, "at": "2026-11-26T01:02:03+00:00"}
