"""A site that serves nothing yet: its doors are counted, and its next step can be done."""

import json
from pathlib import Path

from tests.support.chains import HOSTS
from tests.support.commands import engage, ok
from tests.support.world import serial_of

HOST = "north.example"


def step_of(folder: Path) -> str:
    return engage(folder, "status").stdout.splitlines()[-1].removeprefix("next: ")


def run(folder: Path, command: str) -> str:
    return ok(engage(folder, *command.split()[1:]))


def test_from_a_refused_chain_to_a_served_one(installation: Path) -> None:
    ok(engage(installation, "site", "add", "north", "--host", HOST, "--site-key-file", "site.key"))
    assert "no device was seen or added yet" in engage(installation, "status").stdout
    ok(engage(installation, "device", "add", serial_of(1), "--site", "north"))
    shown = engage(installation, "status")
    assert "  1 device, and nothing is served yet" in shown.stdout
    site = next(s for s in json.loads(engage(installation, "status", "--json").stdout)["sites"] if s["site"] == "north")
    assert site["devices"]["never_seen"] == 1

    ok(engage(installation, "chain", "build", "certs/north", "--host", HOSTS[0].text))
    assert engage(installation, "release", "stage", "certs/north", "--site", "north").returncode == 1
    again = engage(installation, "release", "stage", "certs/north", "--site", "north")
    assert "It has errors" in again.stderr and "Activate it" not in again.stderr
    step = step_of(installation)
    assert step.startswith("release 1 has errors: ")
    show, _, build = step.removeprefix("release 1 has errors: ").partition(". For a new one: ")
    assert "san.host_missing" in run(installation, show)
    assert "certs/north-2" in build
    for command in build.split(", then "):
        run(installation, command)
    activate = step_of(installation)
    assert "release activate 2 --site north" in activate, "the control"
    run(installation, activate)
