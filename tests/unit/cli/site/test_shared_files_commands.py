"""How a person lets hosts share files, and goes back: on one host, where it works and is of no use."""

import json
from pathlib import Path
from typing import Any

from engage_server.services.call_in.delivering.upload_spool import FOR_DATABASE, UpstreamSpool
from tests.support.commands import engage, ok
from tests.support.delivering import upload
from tests.support.disk import room_in
from tests.support.shared_nodes import database
from tests.support.world import serial_of

ONE = serial_of(1)


def files(folder: Path, version: int, place: str = "in") -> str:
    path = folder / place / ONE
    path.mkdir(parents=True, exist_ok=True)
    (path / "database.json").write_text(json.dumps(database(version)))
    return place


def moved(folder: Path, option: str) -> Any:
    return json.loads(ok(engage(folder, "site", "call-in", "main", option, "--json")))


def entries(folder: Path) -> list[str]:
    return [each["action"] for each in json.loads(ok(engage(folder, "audit", "show", "--json")))]


def test_there_and_back(installation: Path) -> None:
    ok(engage(installation, "device", "import", files(installation, 1), "--site", "main"))
    path = installation / "data" / "main" / ONE / "database.json"
    before, known = path.read_bytes(), len(entries(installation))
    done = engage(installation, "site", "call-in", "main", "--shared")
    assert "moved 1 file and 0 uploads, of 1 device that have any" in ok(done)
    assert "of no use here" in done.stderr
    assert "from files that all hosts share" in done.stdout
    assert len(entries(installation)) == known + 1, "one act, one entry"
    again = moved(installation, "--shared")
    assert (again["call_in"], again["moved"]["files"]) == ("shared", 0)
    assert len(entries(installation)) == known + 1
    path.unlink()
    back = moved(installation, "--files")
    assert (back["call_in"], back["moved"]) == ("files", {"devices": 1, "files": 1, "uploads": 0})
    assert path.read_bytes() == before
    assert moved(installation, "--files")["moved"] is None, "nothing is to be moved"


def test_a_damaged_file_stops_the_move_and_changes_nothing(installation: Path) -> None:
    ok(engage(installation, "device", "import", files(installation, 1), "--site", "main"))
    path = installation / "data" / "main" / ONE / "database.json"
    path.write_text("{")
    done = engage(installation, "site", "call-in", "main", "--shared")
    assert done.returncode == 2
    assert f"{ONE}/database.json" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert json.loads(ok(engage(installation, "site", "call-in", "main", "--json")))["call_in"] == "files"


def test_options_that_contradict_each_other(installation: Path) -> None:
    assert engage(installation, "site", "call-in", "main", "--shared", "--files").returncode == 2


def test_an_import_before_the_switch_and_after_it(installation: Path) -> None:
    path = installation / "data" / "main" / ONE
    early = engage(installation, "device", "import", files(installation, 1), "--site", "main", "--shared")
    ok(early)
    assert "site call-in main --shared" in early.stderr
    assert not path.exists()
    ok(engage(installation, "site", "call-in", "main", "--shared"))
    ok(engage(installation, "device", "import", files(installation, 2), "--site", "main"))
    refused = engage(installation, "device", "import", files(installation, 1), "--site", "main")
    assert refused.returncode == 1
    assert not path.exists(), "the servers copy it"
    ok(engage(installation, "device", "export", "--site", "main", "--to", "out"))
    assert json.loads((installation / "out" / ONE / "database.json").read_text()) == database(2)


def test_the_rows_stay_until_they_are_removed(installation: Path) -> None:
    ok(engage(installation, "device", "import", files(installation, 1), "--site", "main"))
    ok(engage(installation, "site", "call-in", "main", "--shared"))
    assert engage(installation, "site", "call-in", "main", "--remove-shared").returncode == 2
    back = engage(installation, "site", "call-in", "main", "--files")
    assert "1 file and 0 uploads" in back.stderr
    assert "--files --remove-shared" in back.stderr
    assert "still in the database" in ok(back)
    known = len(entries(installation))
    done = engage(installation, "site", "call-in", "main", "--files", "--remove-shared", "--reason", "one host is left")
    assert "removed from the database: 1 file and 0 uploads" in done.stderr
    assert "still in the database" not in ok(done)
    assert len(entries(installation)) == known + 1
    assert (installation / "data" / "main" / ONE / "database.json").exists()


def test_what_is_on_the_way_is_said(installation: Path) -> None:
    ok(engage(installation, "site", "call-in", "main", "--shared"))
    room = room_in(installation / "data", installation / "data" / "spool" / "upstream")
    UpstreamSpool(room, waiting=FOR_DATABASE).append("main", ONE, upload(1))
    assert "1 upload on this host, on the way to the database" in ok(engage(installation, "site", "call-in", "main"))
    listed = ok(engage(installation, "upload", "list", "--site", "main"))
    assert "1 upload of 1 device waiting" in listed
    assert "on the way to their folders" in ok(engage(installation, "site", "call-in", "main", "--files"))
