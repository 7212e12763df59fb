"""What a person is told about the way that call-ins are answered."""

import json
from datetime import UTC, datetime
from pathlib import Path

from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.device_files.fault_journal import CallFault, FaultJournal
from tests.support import checkout
from tests.support.commands import engage, ok
from tests.support.delivering import upload
from tests.support.disk import room_in
from tests.support.world import serial_of

WITHOUT_TLS = "called without TLS"
EXAMPLE = next((checkout.ROOT / "docs" / "examples").glob("*/database.json")).parent


def to_upstream(folder: Path) -> str:
    done = engage(folder, "site", "call-in", "main", "--upstream", "http://127.0.0.1:9")
    assert WITHOUT_TLS in done.stderr
    return ok(done)


def test_uploads_that_wait_are_told_when_files_answer_again(installation: Path) -> None:
    assert "a running server follows within a second" in to_upstream(installation)
    spool = UpstreamSpool(room_in(installation / "data", installation / "data" / "spool" / "upstream"))
    for number in range(2):
        spool.append("main", serial_of(1), upload(number))
    to_files = engage(installation, "site", "call-in", "main", "--files")
    assert "2 uploads of before wait on this host, and will still be delivered to the upstream system, without TLS" in (
        ok(to_files)
    )
    assert WITHOUT_TLS not in to_files.stderr, "no call is passed on now"
    assert "a running server follows within a second" in to_files.stdout
    shown = engage(installation, "site", "call-in", "main")
    assert "2 uploads of before wait" in shown.stdout
    assert "follows within" not in shown.stdout, "nothing was changed"


def test_without_any_nothing_is_said(installation: Path) -> None:
    to_upstream(installation)
    to_files = engage(installation, "site", "call-in", "main", "--files")
    assert "of before" not in ok(to_files)
    assert WITHOUT_TLS not in to_files.stderr


def test_a_database_that_nobody_is_given(installation: Path) -> None:
    """The control: where files answer, there is no such warning."""
    unused = "warning: the upstream system of main answers its devices, so no database or configuration here is used"
    assert unused not in engage(installation, "device", "import", EXAMPLE, "--site", "main").stderr
    to_upstream(installation)
    for form in ((), ("--json",)):
        done = engage(installation, "device", "import", EXAMPLE, "--site", "main", *form)
        assert unused in done.stderr
        assert "engage site call-in main --files" in done.stderr
        ok(done)
    (installation / "doors.csv").write_text(serial_of(2) + "\n")
    assert unused not in engage(installation, "device", "import", "doors.csv", "--site", "main").stderr


def test_why_calls_were_not_answered(installation: Path) -> None:
    """In the place where an operator looks, and in JSON; nothing of it before."""
    serial, why = serial_of(3), "the upstream system answers 500 to GET db"
    ok(engage(installation, "device", "add", serial))
    looks = (("status",), ("site", "call-in", "main"), ("device", "show", serial))
    assert all(why not in engage(installation, *look).stdout for look in looks)
    for each, who in (("uploads of before", "uploads wait"), (why, serial)):
        FaultJournal(installation / "data" / "spool" / "faults").record("main", CallFault(datetime.now(UTC), who, each))
    for look in looks:
        shown = " ".join(engage(installation, *look).stdout.split())
        assert f"{serial}: {why}" in shown
        assert ("uploads of before" in shown) == (look[0] == "site"), "the others are one command away"
        assert ("2 reasons in the last day:" in shown) == (look[0] == "status")
        value = json.loads(engage(installation, *look, "--json").stdout)
        faults = (value[0] if isinstance(value, list) else value)["call_in_faults"]
        assert (faults["main"] if look[0] == "status" else faults)[-1]["sentence"] == why
