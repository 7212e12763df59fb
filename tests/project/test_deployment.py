"""What ``deploy/`` holds is held against the tools that will read it."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from engage_server.settings import load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "deploy" / "systemd" / "README.md").read_text()
KEYS = {
    "": ["kek"],
    "-http": [],
    "-https": ["release-key"],
    "-operators": ["kek"],
    "engage-links": [],
}  # what each unit is given
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 2.0  # systemd-analyze's scale goes to 10; below 2 it calls a service OK

CONTAINERFILE = ROOT / "deploy" / "container" / "Containerfile"

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
    assert len(UNITS) == 5
    for unit in UNITS:
        text = unit.read_text()
        is_for_devices = "operators" not in unit.name
        assert "\nUser=engage\n" in text
        assert f"\nCapabilityBoundingSet={'CAP_NET_BIND_SERVICE' if is_for_devices else ''}\n" in text
        assert (
            re.findall(r"^LoadCredential=([\w-]+):", text, re.MULTILINE)
            == KEYS[unit.stem.removeprefix("engage-server")]
        )
        assert "\nInaccessiblePaths=-/var/lib/engage-authority\n" in text, "the authority's keys are no service's"


def test_the_units_have_an_end_to_their_memory() -> None:
    """Without one a flood takes the machine; with systemd's default the end of one worker would end them all."""
    shares = {}
    for unit in UNITS:
        text = unit.read_text()
        high, most = (int(re.findall(rf"^Memory{name}=(\d+)%$", text, re.MULTILINE)[0]) for name in ("High", "Max"))
        assert high < most
        assert "\nOOMPolicy=continue\n" in text
        assert re.search(r"^TasksMax=\d+$", text, re.MULTILINE)
        shares[unit.stem] = most
        row = next(line for line in README.splitlines() if line.startswith(f"| `{unit.stem}`"))
        assert f"| {high}% | {most}% | {1024 * most // 100} MiB |" in row
    assert shares.pop("engage-server") < 100
    assert shares.pop("engage-links") <= 20, "it may be on the same machine, and comes on top"
    assert sum(shares.values()) < 100, "the three together leave the machine something"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed on this machine")
@pytest.mark.parametrize("script", ["systemd/engage", "container/start"])
def test_the_scripts_hold_no_trap(script: str) -> None:
    done = subprocess.run(["shellcheck", ROOT / "deploy" / script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as the service")
def test_an_operators_command_runs_as_the_services_user(tmp_path: Path) -> None:
    """With the key as a credential of this one run; words with spaces stay whole."""
    stub = tmp_path / "systemd-run"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = [str(ROOT / "deploy" / "systemd" / "engage"), "rotate", "approve", "--reason", "two words"]
    environment = {"PATH": path, "SUDO_USER": "anna"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    words = done.stdout.splitlines()
    assert words[-5:] == ["/opt/engage-server/.venv/bin/engage", "rotate", "approve", "--reason", "two words"]
    credential = "--property=LoadCredential=kek:/etc/engage-server/engage.kek"
    assert {"--property=User=engage", credential, "--wait", "--setenv=SUDO_USER=anna"} <= set(words)
    inner = words[words.index("-c") + 1]
    (tmp_path / "kek").write_text("the key")
    shown = subprocess.run(
        ["/bin/sh", "-c", inner, "engage", "/bin/sh", "-c", 'cat "$ENGAGE_KEY_ENCRYPTION_KEY_FILE"; echo "$0"', "a b"],
        env={"CREDENTIALS_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "the keya b\n"


def test_both_ways_take_the_real_site_key() -> None:
    """Else an installer with doors ends with a random key, which can never be changed."""
    assert "init --host locks.example.org --site-key-file - < ~/site.key" in README
    assert "-e ENGAGE_SITE_KEY_FILE=/run/secrets/site.key" in (CONTAINERFILE.parent / "README.md").read_text()
    assert "no site key was given" in (CONTAINERFILE.parent / "start").read_text()


def test_the_settings_of_the_units_can_be_used(tmp_path: Path) -> None:
    settings = load_settings(ROOT / "deploy" / "systemd" / "engage.toml", {}, {}, tmp_path)
    assert settings.data_dir == Path("/var/lib/engage-server/data")


def test_the_container_starts_what_exists() -> None:
    text = CONTAINERFILE.read_text()
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for name in source.split():
            assert (ROOT / name).exists(), name


def test_the_container_has_each_file_that_the_package_names() -> None:
    """A build without its license only warns, until setuptools refuses it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE.read_text(), re.MULTILINE)).split()
    assert {project["readme"], *project["license-files"], "pyproject.toml"} <= set(copied)


@pytest.mark.parametrize(
    ("base", "is_accepted"),
    [
        (f"docker.io/library/python@sha256:{'0123456789abcdef' * 4}", True),
        (f"docker.io/library/python:3.13-slim@sha256:{'0' * 64}", True),
        ("", False),
        ("docker.io/library/python:3.13-slim-bookworm", False),
        ("docker.io/library/python@sha256:", False),
        (f"docker.io/library/python@sha256:{'0' * 63}", False),
        (f"@sha256:{'0' * 64}", False),
    ],
)
def test_the_container_is_built_on_one_image_that_a_digest_names(base: str, *, is_accepted: bool) -> None:
    text = CONTAINERFILE.read_text()
    assert re.findall(r"^ARG BASE.*$", text, re.MULTILINE) == ["ARG BASE", "ARG BASE"], "and no default"
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}
    first = re.search(r"^RUN (.*?[^\\])$", text, re.MULTILINE | re.DOTALL)
    assert first
    done = subprocess.run(
        ["sh", "-c", first[1]], env={"BASE": base, "PATH": os.defpath}, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is is_accepted, done.stderr
    assert is_accepted or ("error: BASE is" in done.stderr and "--build-arg BASE=" in done.stderr)


def test_no_pipeline_installs_a_name_that_anybody_could_claim() -> None:
    """Every way of installing from an index is held against hashes, or installs this checkout and nothing beside it."""
    for path in [
        ROOT / "action.yml",
        *(ROOT / "deploy").rglob("*"),
        *(ROOT / "scripts").iterdir(),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "README.md",
    ]:
        if path.is_file():
            for line in path.read_text().replace("\\\n", " ").splitlines():
                for command in re.findall(r"pip(?:\"\))? install\b([^&|;`]*)", line):
                    assert re.search(r"--require-hashes|--no-deps|PATH_OR_URL", command), f"{path}: {line}"
