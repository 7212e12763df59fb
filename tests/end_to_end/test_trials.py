"""Our own trials never count as doors; where a site was made for trials, they do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.chains import HOSTS
from tests.support.lengths import RUN
from tests.support.running import NOTICE, RunningPair, engage, eventually, ok, running_pair
from tests.support.stored_by_pairs import sightings, sqlite
from tests.support.world import serial_of

DOORS = 10


def made(folder: Path, *options: str) -> None:
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "init", *hosts, *options))
    ok(engage(folder, "site", "export-key", "main", "site.key"))


def real_door(pair: RunningPair, device: int) -> None:
    """A door's night by a client that we did not write: the serial number on its TLS connection says whose it is."""
    root = pair.folder / "certs" / "main" / "partner_CA.pem"
    request = f"GET {NOTICE}?serialNumber={serial_of(device)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer, _ = pair.raw_https(request.encode(), root)
    assert answer.startswith(b"HTTP/1.1 200 ")


def night_of_trials(pair: RunningPair) -> None:
    """Every command that plays a device."""
    host = (f"http://127.0.0.1:{pair.http_port}", "--https-port", pair.https_port)
    key = ("--site-key-file", "site.key")
    ok(engage(pair.folder, "lock", "fetch", *host, *key))
    ok(engage(pair.folder, "lock", "fetch", *host, *key, "--serial", serial_of(77), "--trigger", "night"))
    ok(engage(pair.folder, "lock", "fetch", *host, *key, "--serial", serial_of(1)))
    marked = "Host: 127.0.0.1\r\nX-Engage-Virtual-Lock: 1\r\nX-Way: the app\r\nConnection: close\r\n\r\n"
    pair.raw_http(f"GET {NOTICE}?serialNumber={serial_of(78)} HTTP/1.1\r\n{marked}".encode())
    if RUN.all:  # a minute: its requests and handshakes carry the mark in the same two places as the others'
        engage(pair.folder, "lock", "conformance", *host, *key)
    ok(engage(pair.folder, "lock", "fleet", *host, *key, "--count", 5))
    engage(pair.folder, "lock", "misbehave", *host, "--count", 3, "--seconds", 1, "--yes")
    wrong = pair.folder / "other.pem"
    if not wrong.exists():
        ok(engage(pair.folder, "chain", "build", "other", "--host", "127.0.0.1"))
        wrong.write_bytes((pair.folder / "other" / "partner_CA.der").read_bytes())
    engage(pair.folder, "lock", "fetch", *host, *key, "--serial", serial_of(2), "--anchor", "other/partner_CA.pem")


def counts(folder: Path) -> tuple[Any, Any, Any]:
    """All that operators are told of devices; without the times, which go on."""
    devices = json.loads(ok(engage(folder, "device", "list", "--all", "--json")))
    (site,) = json.loads(engage(folder, "status", "--json").stdout)["sites"]
    kept = [{name: value for name, value in each.items() if name != "disregarded"} for each in devices]
    return kept, site["devices"], site["anchors"]


def stored(pair: RunningPair, *, reason: str) -> int:
    return sum(each.disregarded == reason for each in sightings(sqlite(pair.folder)))


def settled(pair: RunningPair) -> None:
    """Until all that was seen is stored."""
    seen = -1
    while seen != (seen := len(sightings(sqlite(pair.folder)))):
        time.sleep(1.2)


def test_a_day_of_trials_beside_ten_real_doors_changes_no_count(tmp_path: Path) -> None:
    made(tmp_path)
    with running_pair(tmp_path, "--workers", "1") as pair:
        for device in range(1, DOORS + 1):
            real_door(pair, device)
        eventually(lambda: counts(tmp_path)[2]["devices"] == DOORS, "the doors are stored")
        settled(pair)
        before = counts(tmp_path)
        assert len(before[0]) == before[2]["devices"] == DOORS
        night_of_trials(pair)
        eventually(lambda: stored(pair, reason="virtual_lock") >= 15, "the trials are stored")
        settled(pair)
        assert counts(tmp_path) == before
        shown = ok(engage(tmp_path, "device", "show", serial_of(1)))
        assert "not counted: they are of a virtual lock" in shown


@pytest.mark.campaign("a day of trials, above, and tests/unit/services/evidence")
def test_at_a_site_for_trials_they_are_devices(tmp_path: Path) -> None:
    made(tmp_path, "--trials")
    with running_pair(tmp_path, "--workers", "1") as pair:
        ok(
            engage(
                tmp_path,
                *("lock", "fetch", f"http://127.0.0.1:{pair.http_port}", "--https-port", pair.https_port),
                *("--site-key-file", "site.key", "--serial", serial_of(77)),
            )
        )
        eventually(lambda: counts(tmp_path)[2]["devices"] == 1, "the virtual lock is a device")
        assert stored(pair, reason="virtual_lock") == 0
    assert "main (for trials)" in ok(engage(tmp_path, "site", "list"))
    assert "(for trials)" in engage(tmp_path, "status").stdout
    again = engage(tmp_path, "init", "--site", "main", "--trials")
    assert again.returncode == 0


@pytest.mark.campaign("tests/unit/services/sites/test_renaming.py, without a pair")
def test_a_renamed_site_serves_the_same_doors(tmp_path: Path) -> None:
    made(tmp_path)
    with running_pair(tmp_path, "--workers", "1") as pair:
        real_door(pair, 1)
        settled(pair)
        running = engage(tmp_path, "site", "rename", "main", "east")
        assert (running.returncode, "[site.served]" in running.stderr) == (2, True)
    assert "site main is called east now" in ok(engage(tmp_path, "site", "rename", "main", "east"))
    with running_pair(tmp_path, "--workers", "1") as pair:
        real_door(pair, 1)
        settled(pair)
        (device,) = json.loads(ok(engage(tmp_path, "device", "list", "--json")))
        assert (device["site"], device["finished_release"]) == ("east", 1)
