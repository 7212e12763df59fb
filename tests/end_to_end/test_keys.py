"""Which process holds which key: looked for in the memory, the environment and the descriptors of the running ones."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from engage_server.records.release_key import read_release_key
from engage_server.store.database.engine import open_engine, reading
from engage_server.store.keys import key_queries
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from tests.support.alone import instance_alone
from tests.support.installation import make_installation
from tests.support.ports import free_port
from tests.support.running import (
    engage,
    eventually,
    ok,
    running_pair,
)

NOBODY = 65534
# as another user, who may look for files everywhere: the interpreter may lie in root's home
AS_NOBODY = (
    "setpriv",
    *(f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(
        "--bounding-set=-all,+dac_read_search",
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
    ),
)

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="the memory of other processes is read by root alone")


def memory_of(pid: int) -> bytes:
    """All that a process could read itself, its environment and arguments among it."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *rest = line.split()
            if rights.startswith("r") and rest[-1:] not in (["[vvar]"], ["[vsyscall]"], ["[vvar_vclock]"]):
                begin, end = (int(part, 16) for part in place.split("-"))
                with suppress(OSError):  # beyond the end of a mapped file
                    found.append(os.pread(memory.fileno(), end - begin, begin))
    return b"\0".join(found)


def holds(pid: int, key: bytes) -> bool:
    """Whether a key is in a process's memory, as bytes (a cipher's key schedule begins with them) or as text."""
    memory = memory_of(pid)
    assert b"ENGAGE" in memory or b"engage" in memory, "it was really read"
    return any(form in memory for form in (key, base64.b64encode(key), key.hex().encode()))


def open_files(pid: int) -> list[str]:
    """What a process's descriptors are."""
    return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]


def installation_key_of(installation: Path) -> bytes:
    """The installation key, as the key-encryption key opens it."""
    key = KeyEncryptionKey.from_text((installation / "engage.kek").read_bytes(), "engage.kek")
    engine = open_engine(f"sqlite:///{installation}/data/engage.db")
    try:
        with reading(engine) as connection:
            return key_queries.unwrapped(connection, key).reveal()
    finally:
        engine.dispose()


def kek_of(installation: Path) -> str:
    """The key-encryption key as text; its file goes away."""
    text = (installation / "engage.kek").read_text().strip()
    (installation / "engage.kek").unlink()
    return text


@needs_root
def test_processes_that_talk_to_devices_never_hold_the_key_encryption_key(installation: Path) -> None:
    """Though the supervisor has it in its environment, and the operators' instance works with it."""
    installation_key, text = installation_key_of(installation), kek_of(installation)
    kek, site_key = base64.b64decode(text), os.urandom(32)
    secrets = {"ENGAGE_KEY_ENCRYPTION_KEY": text, "ENGAGE_SITE_KEY": base64.b64encode(site_key).decode()}
    ok(engage(installation, "key", "export-release-key", "release.key", stdin=None, **secrets))
    release_key = read_release_key((installation / "release.key").read_bytes(), "release.key").reveal()
    with running_pair(installation, "--workers", "1", **secrets, ENGAGE_GATE_SECONDS="1") as pair:
        (operators,) = pair.transfer()
        http, https, _ = pair.children()
        eventually(lambda: holds(operators, kek), "the control: it is seen where it is")
        eventually(lambda: holds(operators, installation_key), "and so is the key that it opens")
        for pid in (http, https, *pair.workers()):
            assert not holds(pid, kek), pid
            assert not holds(pid, installation_key), pid
            assert not holds(pid, site_key), pid
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"ENGAGE_KEY_ENCRYPTION_KEY" not in environment
            assert b"ENGAGE_SITE_KEY" not in environment
            assert not [name for name in open_files(pid) if "kek" in name or "memfd" in name]
        assert not holds(operators, site_key), "what one command was given stays with no process"
        https_worker = pair.workers()[1]
        assert holds(https_worker, release_key), "and the key that it works with is seen, too"
        assert not holds(pair.workers()[0], release_key), "which plain HTTP has no use for"
        assert str(base64.b64encode(release_key)) not in Path(f"/proc/{https}/cmdline").read_text()


@pytest.fixture
def planted(installation: Path) -> Path:
    """An installation in whose folder there are modules, where the control finds them."""
    for name in ("engage_server", "gunicorn", "flask"):
        (installation / f"{name}.py").write_text("raise SystemExit('planted')")
    done = subprocess.run(
        [sys.executable, "-m", "flask"], cwd=installation, capture_output=True, text=True, check=False
    )
    assert "planted" in done.stderr
    return installation


def test_no_instance_imports_what_lies_in_the_installation(planted: Path) -> None:
    """Its folder may be writable by a process that talks to devices; it starts itself again in that folder."""
    with instance_alone(planted, "https") as alone:
        assert "planted" not in alone.log
        assert b"\0-P\0" in Path(f"/proc/{alone.process.pid}/cmdline").read_bytes(), "the command line of a pair's"


@pytest.mark.campaign("the TLS instance alone, above, with the command line that a pair's instances have")
def test_nor_does_one_of_a_pair(planted: Path) -> None:
    """The operators' instance holds the key."""
    with running_pair(planted, "--workers", "1") as pair:
        assert "planted" not in pair.log


@needs_root
@pytest.mark.parametrize(
    "in_environment", [pytest.param(False, marks=pytest.mark.long("in the environment, beside")), True]
)
def test_a_tls_instance_that_is_given_the_key_encryption_key_does_not_keep_it(
    installation: Path, *, in_environment: bool
) -> None:
    kek, installation_key = (
        base64.b64decode((installation / "engage.kek").read_text()),
        installation_key_of(installation),
    )
    given = {"ENGAGE_KEY_ENCRYPTION_KEY": kek_of(installation)} if in_environment else {}
    with instance_alone(installation, "https", **given) as alone:
        for each in alone.processes():
            assert not holds(each, kek)
            assert not holds(each, installation_key)
            assert not [name for name in open_files(each) if "kek" in name]
        assert "export-release-key FILE" in alone.log, "it says what is better"
    if not in_environment:
        (installation / "engage.kek").write_text(base64.b64encode(kek).decode())
        assert "serve https: " in ok(engage(installation, "key", "check")), "a change of the key waits for it"


def test_a_tls_instance_with_the_release_key_alone(
    installation: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ok(engage(installation, "key", "export-release-key", "release.key"))
    first = (installation / "release.key").read_bytes()
    assert (installation / "release.key").stat().st_mode & 0o777 == 0o600
    ok(engage(installation, "key", "export-release-key", "release.key"))
    assert (installation / "release.key").read_bytes() == first, "again, and it is the same"
    assert "installation:release-key-exported" in ok(engage(installation, "audit", "show"))
    refused = engage(installation, "key", "export-release-key", "engage.kek")
    assert (refused.returncode, "is not a release key" in refused.stderr) == (2, True)
    kek = kek_of(installation)
    with instance_alone(installation, "https", ENGAGE_RELEASE_KEY_FILE="release.key") as alone:
        assert "key-encryption key" not in alone.log
    serve = ("serve", "https", "--bind", "127.0.0.1", "--https-port", free_port())
    for text, status, sentence in (
        (kek, 2, "not a release key"),
        (_release_key_of_another(tmp_path_factory.mktemp("other")), 3, "sealed with another key"),
    ):
        done = engage(installation, *serve, ENGAGE_RELEASE_KEY=text)
        assert (done.returncode, sentence in done.stderr) == (status, True), done.stderr
        assert text.strip() not in done.stdout + done.stderr
    done = engage(installation, *serve, ENGAGE_RELEASE_KEY_FILE="nowhere.key")
    assert (done.returncode, "nowhere.key" in done.stderr) == (3, True)
    done = engage(installation, "release", "list", ENGAGE_RELEASE_KEY_FILE="release.key")
    assert (done.returncode, "engage.kek is missing" in done.stderr) == (2, True), "operators need the other one"


def _release_key_of_another(folder: Path) -> str:
    make_installation(folder)
    ok(engage(folder, "key", "export-release-key", "release.key"))
    return (folder / "release.key").read_text()


@needs_root
def test_one_instance_does_not_read_the_memory_of_another(installation: Path) -> None:
    """Though both run as one user, and the system allows that."""
    reads = "import sys; open(f'/proc/{sys.argv[1]}/mem', 'rb')"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "installation"
        shutil.copytree(installation, folder)
        for path in (Path(place), folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        results: dict[str, set[str]] = {}
        for listener in ("http", "https", "operators"):
            with instance_alone(folder, listener, AS_NOBODY) as alone:
                for each in alone.processes():
                    command = [*AS_NOBODY, sys.executable, "-c", reads, str(each)]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    results.setdefault(listener, set()).add(done.stderr.strip().rpartition("\n")[2].partition(":")[0])
        if results["http"] != {""}:
            pytest.skip(f"this system forbids it to all processes: {results['http']}")
        assert results["https"] == results["operators"] == {"PermissionError"}
