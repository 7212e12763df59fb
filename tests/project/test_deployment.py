"""What ``deploy/`` holds is held against the tools that will read it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engage_server.settings import load_settings

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 2.0  # systemd-analyze's scale goes to 10; below 2 it calls a service OK

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed on this machine"
)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_reads_the_units(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
    assert complaints == []


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_are_hardened(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_the_units_run_as_nobody_special_with_one_right() -> None:
    assert len(UNITS) == 4
    for unit in UNITS:
        text = unit.read_text()
        is_for_devices = "operators" not in unit.name
        assert "\nUser=engage\n" in text
        assert f"\nCapabilityBoundingSet={'CAP_NET_BIND_SERVICE' if is_for_devices else ''}\n" in text
        opens_secrets = "http." not in unit.name
        assert ("LoadCredential=kek" in text) is opens_secrets, "TLS and rotations open secrets, plain HTTP does not"


def test_the_settings_of_the_units_can_be_used(tmp_path: Path) -> None:
    settings = load_settings(ROOT / "deploy" / "systemd" / "engage.toml", {}, {}, tmp_path)
    assert settings.data_dir == Path("/var/lib/engage-server/data")


def test_the_container_starts_what_exists() -> None:
    text = (ROOT / "deploy" / "container" / "Containerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name
