"""The container's first process, run in a mount namespace of its own: what is a volume there is one here."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engage_server.protocol.site_key import write_site_key
from tests.support.chains import SITE_KEY
from tests.support.running import clean_environment, engage, eventually, free_port, free_ports, ok

START = Path(__file__).parents[2] / "deploy" / "container" / "start"
STATE, KEK, AUTHORITY = "state", "kek", "authority"


def _may_mount() -> bool:
    return shutil.which("unshare") is not None and (
        subprocess.run(
            ["unshare", "-m", "mount", "--bind", "/mnt", "/mnt"], capture_output=True, check=False
        ).returncode
        == 0
    )


pytestmark = pytest.mark.skipif(not _may_mount(), reason="this user may not make a mount namespace")


def command(folder: Path, volumes: dict[str, str]) -> list[str]:
    """Volumes: where each is mounted, and which folder it is."""
    mounts = [f"mount --bind '{folder / source}' '{folder / place}'" for place, source in volumes.items()]
    http, https = free_ports()
    options = f"--bind 127.0.0.1 --http-port {http} --https-port {https} --operators-port {free_port()} --workers 1"
    return ["unshare", "-m", "sh", "-ec", "; ".join([*mounts, f"cd '{folder / STATE}'", f"exec '{START}' {options}"])]


def environment(folder: Path) -> dict[str, str]:
    """As the Containerfile sets it."""
    return clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ENGAGE_KEY_ENCRYPTION_KEY_FILE": str(folder / KEK / "engage.kek"),
        "ENGAGE_CERTS_DIR": str(folder / AUTHORITY),
        "HOSTS": "locks.example.org 127.0.0.1",
        "ENGAGE_SITE_KEY_FILE": str(folder / "site.key"),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (STATE, KEK, AUTHORITY):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "site.key").write_bytes(write_site_key(SITE_KEY))
    return tmp_path


@contextmanager
def started(folder: Path, volumes: dict[str, str]) -> Iterator[str]:
    """The container, serving; what it printed."""
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command(folder, volumes), env=environment(folder), stdout=file, stderr=file)
    try:
        eventually(lambda: "serving on" in log.read_text() or process.poll() is not None, "serves")
        assert process.poll() is None, log.read_text()
        yield log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


def files(folder: Path, name: str) -> set[str]:
    return {path.name for path in (folder / name).iterdir()}


@pytest.mark.long("what the start refuses, below")
def test_each_key_lies_in_a_volume_of_its_own(folder: Path) -> None:
    with started(folder, {STATE: STATE, KEK: KEK, AUTHORITY: AUTHORITY}) as log:
        assert "warning" not in log
        assert "new random site key" not in log, "it has the key that doors were commissioned with"
        assert files(folder, KEK) == {"engage.kek"}
        assert files(folder, AUTHORITY) == {"main", ".installation"}, "a trace of the installation, and no secret"
        assert files(folder, STATE) >= {"engage.toml", "data"}
    assert not list((folder / STATE).rglob("*.k*"))
    kek = (folder / KEK / "engage.kek").read_bytes()
    with started(folder, {STATE: STATE, KEK: KEK}):
        """The authority's keys are offline by now."""
    assert (folder / KEK / "engage.kek").read_bytes() == kek


@pytest.mark.parametrize(
    ("volumes", "sentence"),
    [
        ({KEK: KEK, AUTHORITY: AUTHORITY}, "state is no volume: the database would be lost"),
        ({STATE: STATE, AUTHORITY: AUTHORITY}, "kek is no volume: the key-encryption key would be lost"),
        ({STATE: STATE, KEK: KEK}, "authority is no volume: the authority's keys would be lost"),
        ({STATE: STATE, KEK: STATE, AUTHORITY: AUTHORITY}, "are one volume"),
        ({STATE: STATE, KEK: KEK, AUTHORITY: KEK}, "are one volume"),
    ],
)
def test_nothing_is_made_where_it_would_be_lost_or_together(
    folder: Path, volumes: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        command(folder, volumes), env=environment(folder), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr
    assert not any(files(folder, name) for name in (STATE, KEK, AUTHORITY))


@pytest.mark.campaign("each key in a volume of its own, above")
def test_a_container_of_before_goes_on_and_is_told(folder: Path) -> None:
    """Everything was in one volume: nobody is locked out by the upgrade."""
    ok(engage(folder / STATE, "init", "--host", "127.0.0.1"))
    with started(folder, {STATE: STATE}) as log:
        assert "warning: engage.kek is in the same volume as the database" in log
        assert "warning: the authority's keys are in the same volume as the database" in log
    (folder / STATE / "engage.kek").rename(folder / KEK / "engage.kek")
    with started(folder, {STATE: STATE, KEK: KEK}) as log:
        assert "engage.kek is in the same volume" not in log


def test_commands_beside_the_servers_know_their_ports(tmp_path: Path) -> None:
    """As in "podman exec engage engage doctor": nobody listened on port 80, it said, and no device was served."""
    ok(engage(tmp_path, "init", "--host", "127.0.0.1"))
    lines = (START.parent / "Containerfile").read_text().splitlines()
    given = dict(each.split("=", 1) for line in lines if line.startswith("ENV ") for each in line.split()[1:])
    given = {name: value for name, value in given.items() if name.endswith("_PORT")}
    told = ok(engage(tmp_path, "settings", "--json", stdin=None, **given))
    found = json.loads(told)
    assert (found["http_port"], found["https_port"], found["public_http_port"]) == ("8080", "8443", "80")
    assert "_port" not in START.read_text().split("exec engage serve", 1)[1], "the servers take the same"


def test_a_secret_that_was_taken_away(folder: Path) -> None:
    """It is for the first start alone. An upgrade runs "engage init" without it."""
    ok(engage(folder, "init", "--host", "127.0.0.1", "--site-key-file", "site.key"))
    gone = {"ENGAGE_SITE_KEY_FILE": str(folder / "gone.key")}
    assert "nothing to do" in ok(engage(folder, "init", stdin=None, **gone))
    another = engage(folder, "init", "--site", "other", "--host", "127.0.0.2", stdin=None, **gone)
    assert (another.returncode, "gone.key" in another.stderr) == (3, True), another.stderr
    shutil.rmtree(folder / "data")
    lost = engage(folder, "init", stdin=None, **gone)
    assert (lost.returncode, "installation.lost" in lost.stderr) == (2, True)
    fresh = folder / "fresh"
    fresh.mkdir()
    assert engage(fresh, "init", stdin=None, **gone).returncode == 3
    assert not list(fresh.iterdir())
