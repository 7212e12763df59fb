"""``engage tonight``: who is at risk, the worst first, and what to do."""

import json
from pathlib import Path

from tests.support.commands import engage, ok
from tests.support.world import serial_of


def test_nobody(installation: Path) -> None:
    done = engage(installation, "tonight")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("main: no door is at risk until ")
    assert "next: " in done.stdout


def test_a_door_that_was_never_seen_is_low(installation: Path) -> None:
    ok(engage(installation, "device", "add", serial_of(7), "--name", "North entrance", "--place", "Building 3"))
    done = engage(installation, "tonight", "--site", "main")
    assert done.returncode == 0
    assert "1 door at risk until" in done.stdout
    said = " ".join(done.stdout.split())
    assert f"low North entrance ({serial_of(7)}), Building 3: it is on the list" in said
    assert f"engage device remove {serial_of(7)} --site main" in said
    found = json.loads(engage(installation, "tonight", "--json").stdout)
    (door,) = found["sites"][0]["doors"]
    assert (door["device"], door["name"], door["place"], door["severity"]) == (
        serial_of(7),
        "North entrance",
        "Building 3",
        "low",
    )
    assert found["needs_attention"] is False
    ok(engage(installation, "device", "remove", serial_of(7), "--yes"))


def test_another_site_is_refused_by_name(installation: Path) -> None:
    done = engage(installation, "tonight", "--site", "gone")
    assert done.returncode != 0
    assert "gone" in done.stderr
