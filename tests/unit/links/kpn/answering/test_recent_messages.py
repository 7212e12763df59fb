"""The memory of recent messages."""

import hashlib
import os
import warnings
from pathlib import Path

import pytest

from engage_server.links.kpn.answering.recent_messages import RecentMessages


def key(number: int) -> str:
    """The key of a message."""
    return hashlib.sha256(b"%d" % number).hexdigest()


def test_a_key_is_new_once() -> None:
    recent = RecentMessages()
    assert not recent.holds(key(1))
    assert recent.add(key(1))
    assert recent.holds(key(1))
    assert not recent.add(key(1))
    assert not recent.holds(key(2))


def test_it_holds_thousands_and_has_an_end() -> None:
    recent = RecentMessages()
    assert all(recent.add(key(number)) for number in range(10_000))
    assert all(recent.holds(key(number)) for number in range(10_000))
    one_bucket = [f"{number:016x}{'0' * 48}" for number in range(1, 10)]
    for each in one_bucket:
        recent.add(each)
    assert [recent.holds(each) for each in one_bucket] == [False] + [True] * 8


def test_what_a_worker_adds_is_known_to_all() -> None:
    recent = RecentMessages()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer versions warn of threads beside a fork
        worker = os.fork()
    if not worker:
        recent.add(key(1))
        os._exit(0)
    os.waitpid(worker, 0)
    assert recent.holds(key(1))


def test_a_file_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "kpn" / "recent"
    assert RecentMessages(file).add(key(1))
    assert RecentMessages(file).holds(key(1))
    assert not RecentMessages(file).holds(key(2))
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_its_file_it_works_in_memory_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "recent").mkdir()
    recent = RecentMessages(tmp_path / "recent")
    assert recent.add(key(1))
    assert recent.holds(key(1))
    assert "a restart will forget" in caplog.text
