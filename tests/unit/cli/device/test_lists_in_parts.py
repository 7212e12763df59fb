"""Long lists on the command line: in parts, whole, and never with everything in memory."""

import json
from pathlib import Path
from typing import Any

import pytest

from engage_server.records import Sighting, SightingKind
from engage_server.services.evidence import devices as devices_module
from engage_server.services.evidence.fold import fold
from engage_server.services.installation import audit_log as audit_module
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from tests.support.chains import NOW
from tests.support.commands import engage, ok
from tests.support.databases import SEALER
from tests.support.world import address_of, serial_of

LISTED, SEEN = range(0, 7), range(4, 12)


@pytest.fixture
def busy(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve devices: seven on the list, eight that called, read three at a time."""
    for module in (devices_module, audit_module):
        monkeypatch.setattr(module, "_AT_ONCE", 3)
    ok(engage(installation, "device", "add", *map(serial_of, LISTED)))
    store = SqlStore(open_engine(f"sqlite:///{installation}/data/engage.db"), SEALER)
    seen = [
        Sighting(SightingKind.NOTICE, NOW, "http", address_of(number), serial_of(number), "main", 1, host="")
        for number in SEEN
    ]
    assert store.record_sightings("segment", 0, 1, seen, fold, NOW)
    store.close()
    return installation


def as_json(folder: Path, *arguments: object) -> list[dict[str, Any]]:
    value = json.loads(ok(engage(folder, *arguments, "--json")))
    assert isinstance(value, list)
    return value


def test_devices_in_parts(busy: Path) -> None:
    found: list[str] = []
    while part := as_json(busy, "device", "list", "--limit", 5, "--after", found[-1] if found else 0):
        found += [each["device"] for each in part]
    assert found == [serial_of(number) for number in range(12)]
    text = ok(engage(busy, "device", "list", "--limit", 5, "--after", serial_of(1)))
    assert f"more may follow: --after {serial_of(6)}" in text
    assert "only the first" not in text
    assert "no such device comes after F" in ok(engage(busy, "device", "list", "--after", "F"))
    stranger = as_json(busy, "device", "list", "--after", serial_of(8), "--limit", 1)[0]
    assert (stranger["device"], stranger["stranger"]) == (serial_of(9), True)


def test_the_first_devices(busy: Path) -> None:
    everyone = as_json(busy, "device", "list", "--all")
    assert [each["device"] for each in everyone[:4]] == [serial_of(number) for number in range(4)], "never seen"
    assert len(everyone) == 12
    assert as_json(busy, "device", "list", "--limit", 5) == everyone[:5]
    assert as_json(busy, "device", "list") == everyone
    assert "only the first 5 are shown: --all" in ok(engage(busy, "device", "list", "--limit", 5))
    refused = engage(busy, "device", "list", "--limit", 5, "--all")
    assert (refused.returncode, "--all and --limit exclude each other" in refused.stderr) == (2, True)


def test_the_audit_log_in_parts(busy: Path) -> None:
    whole = as_json(busy, "audit", "show")
    numbers = [each["number"] for each in whole]
    assert numbers == list(range(1, len(whole) + 1))
    assert len(whole) > 4, "more than are read at once"
    assert as_json(busy, "audit", "show", "--last", 4) == as_json(busy, "audit", "show", "--limit", 4) == whole[-4:]
    assert as_json(busy, "audit", "show", "--limit", 2, "--before", numbers[-3]) == whole[-5:-3]
    assert as_json(busy, "audit", "show", "--before", 1) == []
    assert "no such entry comes before entry 1" in ok(engage(busy, "audit", "show", "--before", 1))
    of_site = as_json(busy, "audit", "show", "--site", "main")
    assert of_site == [each for each in whole if each["site"] == "main"]


def test_no_list_reads_all_devices_at_once(busy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("all devices were read at once")

    monkeypatch.setattr(SqlStore, "device_serials", never)
    for command in (
        ("device", "list"),
        ("device", "list", "--all"),
        ("device", "list", "--all", "--troubled"),
        ("device", "list", "--after", "0", "--json"),
        ("device", "show", serial_of(1)),
        ("device", "export"),
        ("device", "export", "--json"),
        ("device", "remove", serial_of(1), "--yes"),
        ("audit", "verify"),
    ):
        done = engage(busy, *command)
        assert "were read at once" not in done.stderr, command
    assert len(ok(engage(busy, "device", "export")).splitlines()) == 1 + 11


def test_only_those_never_seen(busy: Path) -> None:
    """A device that called is left out, whether it is on the list or not."""
    unseen = as_json(busy, "device", "list", "--unseen", "--all")
    assert [each["serial"] for each in unseen] == [serial_of(number) for number in LISTED if number not in SEEN]
    assert as_json(busy, "device", "list", "--unseen", "--search", serial_of(5)) == []


def test_a_device_is_shown_with_what_it_did_lately(busy: Path) -> None:
    """In the sentences of its page."""
    printed = ok(engage(busy, "device", "show", serial_of(5)))
    assert "what it did lately, newest first:" in printed
    assert f"asked for the notice by plain HTTP from {address_of(5)}, and got that of release 1" in " ".join(
        printed.split()
    )
