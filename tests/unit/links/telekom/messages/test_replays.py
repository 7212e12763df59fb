"""The memory of accepted messages: shared by processes, bounded, and swept."""

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engage_server.links.telekom.messages.refusals import MessageRefused
from engage_server.links.telekom.messages.replays import REMEMBERED, FolderReplays, ReplaysFull
from engage_server.links.telekom.messages.verifying import verify
from tests.support.signed_messages import NOW, signed, trust

EXPIRES = NOW + dt.timedelta(minutes=5)
_CLAIM = """
import datetime as dt, sys
from pathlib import Path
from engage_server.links.telekom.messages.replays import FolderReplays
replays = FolderReplays(Path(sys.argv[1]))
at = dt.datetime.fromisoformat(sys.argv[2])
sys.stdin.readline()
print(sum(replays.claim(f"{n:064x}", at + dt.timedelta(minutes=5), at) for n in range(300)))
"""


def test_a_message_is_new_once(tmp_path: Path) -> None:
    replays = FolderReplays(tmp_path / "replays")
    assert [replays.claim(name, EXPIRES, NOW) for name in "aabab"] == [True, False, True, False, False]
    assert (tmp_path / "replays").stat().st_mode & 0o777 == 0o700


def test_workers_in_processes_of_their_own_share_it(tmp_path: Path) -> None:
    """Two begin at once: each message is new to exactly one of them, and to nobody afterwards."""
    command = [sys.executable, "-c", _CLAIM, str(tmp_path), NOW.isoformat()]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    counts = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(counts) == 300
    assert not FolderReplays(tmp_path).claim(f"{7:064x}", EXPIRES, NOW)


def test_what_has_expired_is_swept_and_nothing_else(tmp_path: Path) -> None:
    replays = FolderReplays(tmp_path)
    assert replays.claim("old", EXPIRES, NOW)
    later = EXPIRES + dt.timedelta(seconds=59)  # it would be accepted until then
    assert replays.claim("newer", later + dt.timedelta(minutes=5), later)
    assert not replays.claim("old", EXPIRES, later)
    gone = NOW + REMEMBERED + dt.timedelta(minutes=2)
    assert replays.claim("newest", gone + dt.timedelta(minutes=5), gone)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["newer", "newest"]


def test_if_somebody_removes_the_folder_it_is_made_again(tmp_path: Path) -> None:
    replays = FolderReplays(tmp_path / "replays")
    assert replays.claim("a", EXPIRES, NOW)
    shutil.rmtree(tmp_path / "replays")
    assert replays.claim("b", EXPIRES, NOW)
    assert not replays.claim("b", EXPIRES, NOW)


def test_minutes_that_are_over_are_forgotten_by_each_worker(tmp_path: Path) -> None:
    """Also those whose folder another worker swept."""
    one, other = FolderReplays(tmp_path), FolderReplays(tmp_path)
    for hours in range(5):
        at = NOW + dt.timedelta(hours=hours)
        for replays in (one, other):
            replays.claim(f"{hours}{id(replays)}", at + dt.timedelta(minutes=5), at)
    assert [len(replays._counts) for replays in (one, other)] == [1, 1]


def test_it_is_bounded_and_full_means_no(tmp_path: Path) -> None:
    for name in "ab":
        assert FolderReplays(tmp_path, most=2).claim(name, EXPIRES, NOW)
    full = FolderReplays(tmp_path, most=2)
    with pytest.raises(ReplaysFull):
        full.claim("c", EXPIRES, NOW)
    with pytest.raises(MessageRefused) as refused:
        verify(signed(at=NOW), trust(), NOW, full)
    assert refused.value.code == "wsse.replays_full"
    assert full.claim("c", EXPIRES + dt.timedelta(minutes=1), NOW), "only that minute is full"


def test_a_message_that_came_to_nothing_may_come_again(tmp_path: Path) -> None:
    replays = FolderReplays(tmp_path)
    assert replays.claim("a", EXPIRES, NOW)
    replays.forget("a", EXPIRES)
    replays.forget("never seen", EXPIRES)
    assert replays.claim("a", EXPIRES, NOW)
