"""Devices fill the disk, and operators can still act: on a small file system of its own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calling_in import ask
from tests.support.disk import small_disk
from tests.support.installation import make_installation
from tests.support.rotating import night, progress, seen
from tests.support.running import RunningPair, engage, eventually, ok, running_pair
from tests.support.world import serial_of

MIB = 1024 * 1024


@pytest.fixture
def installation_on_a_small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    with small_disk(disk, "40m"):
        yield make_installation(disk)


def send(pair: RunningPair, device: int, number: int, length: int = 700_000) -> bytes:
    """One upload; the status."""
    body = json.dumps({"serialNumber": serial_of(device), "audits": [{"n": number, "x": "x" * length}]}).encode()
    return ask(pair, "POST /swordfish/lock/audit HTTP/1.1\nHost: 127.0.0.1", body).split()[1]


def test_a_rotation_is_aborted_while_devices_have_filled_the_disk(installation_on_a_small_disk: Path) -> None:
    folder = installation_on_a_small_disk
    ok(engage(folder, "site", "call-in", "main", "--unknown-devices", "enroll"))
    with running_pair(folder, "--workers", "1", ENGAGE_GATE_SECONDS="0.5") as pair:
        night(pair, 1)
        eventually(lambda: seen(folder, 1, 1), "the device is known")
        ok(engage(folder, "rotate", "start", "--way", "linked-rekey", "--soak-hours", "24"))
        taken = 0
        for length in (700_000, 100_000, 20_000, 3_000):  # to the last block
            while (status := send(pair, taken % 5, taken, length)) in (b"201", b"202"):
                taken += 1
                assert taken < 150
            assert status == b"503"
        assert taken > 5
        free = os.statvfs(folder).f_bavail * 4096
        assert free > 3 * MIB, "a tenth of so small a disk"
        eventually(lambda: "are for operators" in pair.log, "the log says why")
        status_told = engage(folder, "status", "--json")
        assert json.loads(status_told.stdout)["disk"]["full"]
        assert status_told.returncode == 1
        assert pair.metrics()["engage_disk_full"] == 1
        assert "aborted" in ok(engage(folder, "rotate", "abort", "--reason", "the disk is full")).lower()
        assert progress(folder)["state"] in ("aborted", "rolled_back")
        assert send(pair, 1, 1000) == b"503"
        for path in (folder / "data" / "main").rglob("audits*.json"):
            path.unlink()  # moved away, as the message says
        assert send(pair, 1, 1001) in (b"201", b"202")
        eventually(lambda: engage(folder, "status").returncode == 0, "all is well again")
