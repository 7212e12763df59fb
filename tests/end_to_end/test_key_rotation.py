"""The key-encryption key is replaced: while devices call, on two hosts, and with kill -9 at every point."""

import json
import shlex
import shutil
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import kill_points
from tests.support.commands import clean_environment, engage_process
from tests.support.forking import Forked
from tests.support.installation import make_installation
from tests.support.lengths import examples
from tests.support.postgresql import PostgresServer
from tests.support.running import RunningPair, engage, eventually, ok, running_pair

DOORS, SECONDS = 40, 12


def key_id(folder: Path) -> str:
    return ok(engage(folder, "key", "check")).split()[2].rstrip(",")


def is_whole(folder: Path) -> None:
    """Everything opens, and the log holds."""
    ok(engage(folder, "key", "check"))
    ok(engage(folder, "audit", "verify"))


class Fleet:
    """Virtual locks that call a pair while something is done."""

    def __init__(self, pair: RunningPair) -> None:
        call = ("lock", "fleet", pair.http, "--https-port", pair.https_port, "--site-key-file", "site.key")
        how = ("--count", DOORS, "--over", SECONDS)
        self._thread = threading.Thread(target=lambda: self.done.append(engage_process(pair.folder, *call, *how)))
        self.done: list[subprocess.CompletedProcess[str]] = []
        self._thread.start()

    def all_came_through(self) -> bool:
        self._thread.join()
        return self.done[0].returncode == 0


def test_while_devices_call_nothing_fails_and_no_process_restarts(installation: Path) -> None:
    """The pair gets the key from a command, which prints the file that the change replaces."""
    file = installation / "engage.kek"
    command = shlex.join(["cat", str(file)])
    before = file.read_bytes()
    with running_pair(installation, "--workers", "1", ENGAGE_KEY_ENCRYPTION_KEY_COMMAND=command) as pair:
        eventually(lambda: f"{installation}/data" in engage(installation, "key", "check").stdout, "it reports its key")
        for pid in (*pair.children()[:2], *pair.workers()):
            assert b"KEY_ENCRYPTION_KEY" not in Path(f"/proc/{pid}/environ").read_bytes()
        processes = (pair.children(), pair.workers(), pair.transfer())
        fleet = Fleet(pair)
        old = key_id(installation)
        done = engage_process(installation, "key", "rotate", "--wait", 50, "--reason", "yearly")
        assert done.returncode == 0, done.stdout + done.stderr
        assert fleet.all_came_through(), fleet.done[0].stdout
        assert (pair.children(), pair.workers(), pair.transfer()) == processes
        is_whole(installation)
        assert key_id(installation) != old
        ok(engage(installation, "site", "change", "main", "--title", "after the change"))
        text = [each.decode().strip() for each in (before, file.read_bytes())]
        assert not [each for each in text if each in pair.log + done.stdout + done.stderr]
    with running_pair(installation, "--workers", "1") as pair:
        assert Fleet(pair).all_came_through()
    entries = ok(engage(installation, "audit", "show"))
    assert entries.count("key:rotation-begun") == entries.count("key:rotation-ended") == 1
    file.write_bytes(before)
    refused = engage(installation, "status")
    assert (refused.returncode, "sealed with another key-encryption key" in refused.stderr) == (3, True)


@pytest.mark.long("unit/composition/keys/test_rotating.py, where hosts only report")
def test_on_two_hosts_both_confirm(tmp_path: Path, postgresql: PostgresServer) -> None:
    """Two data folders, two copies of the key, one PostgreSQL."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    database = {"ENGAGE_DATABASE_URL": postgresql.new_database()}
    make_installation(one, **database)

    def on(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
        return engage(folder, *words, stdin=None, **database)

    for name in ("engage.toml", "engage.kek"):
        two.mkdir(exist_ok=True)
        shutil.copy2(one / name, two / name)
    (two / "data").mkdir(mode=0o700)
    with ExitStack() as running:
        pairs = [running.enter_context(running_pair(each, "--workers", "1", **database)) for each in (one, two)]
        eventually(lambda: on(one, "key", "check").stdout.count("/data)") == 2, "both report their key")
        done = on(one, "key", "rotate", "--wait", 1)
        assert done.returncode == 1
        assert f"({two}/data), which has the key" in done.stdout
        assert f"copy the new key over {two}/engage.kek" in done.stdout
        eventually(lambda: "1 to confirm" in ok(on(two, "key", "rotate", "--status")), "the first has confirmed")
        early = on(one, "key", "rotate", "--wait", 0)
        assert early.returncode == 1, "the old one is accepted as long as it takes"
        shutil.copy2(one / "engage.kek", two / "engage.kek")
        ok(on(one, "key", "rotate", "--wait", 60))
        assert len(json.loads(ok(on(two, "key", "check", "--json")))["accepted"]) == 1
        ok(on(two, "audit", "verify"))
        pairs[1].stop()
        with running_pair(two, "--workers", "1", **database) as again:
            assert again.children()


def killed_at(folder: Path, point: int) -> int:
    """Run the real command in a process that kill -9 ends at this point. The status is -9, or 0 if it came through."""
    words = ("key", "rotate", "--wait", "0")
    status, output = Forked(kill_points.command, point, *words, folder=folder, environment=clean_environment()).wait()
    assert status in (0, -9), output
    return status


@pytest.mark.long("unit/composition/keys/test_rotating.py, where an exception takes the place of the signal")
def test_killed_at_every_point_everything_opens_and_it_goes_on(installation: Path) -> None:
    """One installation: each time, what was left is finished, and the next change begins. In CI every third point."""
    point, apart = 0, examples(all=3, quick=3, campaign=1)
    while True:
        point += apart
        old = key_id(installation)
        status = killed_at(installation, point)
        is_whole(installation)
        if status == 0:
            break
        ok(engage(installation, "key", "rotate", "--wait", "0"))
        is_whole(installation)
        assert key_id(installation) != old, point
        assert sorted(each.name for each in installation.glob("engage.kek*")) == ["engage.kek"], point
        assert "being replaced" not in ok(engage(installation, "key", "check")), point
    assert point > 20
