"""A script that starts and ends rotations reads one document, in the form of ``rotate status``."""

import json
from pathlib import Path
from typing import Any

from tests.support.commands import engage, ok
from tests.support.world import serial_of


def document(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = engage(folder, *arguments, "--json")
    found = json.loads(ok(done))
    assert isinstance(found, list)
    return found


def test_start_approve_and_abort(installation: Path) -> None:
    ok(engage(installation, "device", "add", serial_of(1)))
    start = ("rotate", "start", "--way", "server-renewal", "--ask")
    (begun,) = document(installation, *start)
    assert (begun["rotation"], begun["site"], begun["served"]) == (1, "main", 2)
    (status,) = document(installation, "rotate", "status")
    assert status.keys() == begun.keys()
    (ended,) = document(installation, "rotate", "abort", "--reason", "a test")
    assert (ended["rotation"], ended["state"], ended["current_release"]) == (1, "aborted", 1)
    document(installation, *start)
    (approved,) = document(installation, "rotate", "approve", "--reason", "a test")
    assert (approved["rotation"], approved["site"]) == (2, "main")


def test_an_abort_of_nothing_is_an_error_in_json(installation: Path) -> None:
    done = engage(installation, "rotate", "abort", "--json")
    assert "error" in json.loads(done.stdout), "the control"
    assert done.returncode != 0


def test_device_add(installation: Path) -> None:
    assert document(installation, "device", "add", serial_of(1), serial_of(2)) == [
        {"serial": serial_of(1), "site": "main", "name": None, "place": None},
        {"serial": serial_of(2), "site": "main", "name": None, "place": None},
    ]


def test_nights_are_told_where_they_are_asked_for(installation: Path) -> None:
    ok(engage(installation, "rotate", "start", "--way", "server-renewal"))
    (plain,) = document(installation, "rotate", "status")
    (found,) = document(installation, "rotate", "status", "--nights")
    assert found.keys() - plain.keys() == {"nights"}
    nights = found["nights"]
    assert (nights["release"], nights["devices"], nights["missing"], nights["lost"]) == (2, 0, 0, 2)
    assert [each["confirmed"] for each in nights["nights"]] == [0]
    assert "the gate goes on from 0" in ok(engage(installation, "rotate", "status", "--nights"))
    assert "the gate goes on from" not in ok(engage(installation, "rotate", "status")), "the control"
