"""What the operators' instance says of its spool: whether it is late, and how much waits there."""

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engage_server.errors import StoreNotUsable
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.services.evidence.transfer import SightingTransfer
from engage_server.serving.operators.exposition import Exposition
from engage_server.serving.operators.repeated import transfer
from engage_server.serving.operators.repeated.transfer import SpoolTransfer
from tests.support.world import World

_LINE = b"no sighting\n"


class Host:
    """One host, with lines in its spool or without."""

    def __init__(self, world: World, folder: Path, lines: int = 0) -> None:
        folder.mkdir()
        self.writer = SpoolWriter(folder, 1 << 20)
        if lines:
            self.writer.append([_LINE] * lines)
        self.waiting: list[int] = []
        counter = SimpleNamespace(inc=lambda count: None, set=lambda value: None)
        figures = SimpleNamespace(stored=counter, disregarded=counter, unreadable=counter, store_up=counter)
        self.moving = SightingTransfer(folder, world.store, timedelta(days=9))
        exposition = cast("Exposition", figures)
        self.spool = SpoolTransfer(folder, self.moving, exposition, lambda: cast("Any", None), self.waiting.append)


def test_lines_of_an_earlier_process_are_late_until_they_are_moved(world: World, tmp_path: Path) -> None:
    """Such as those of a night: a process that has just started knows nothing of how long they waited."""
    host = Host(world, tmp_path / "spool", 5)
    assert host.spool.lateness() == "sightings of that host lie in its spool since before its start"
    host.spool.move()
    assert host.spool.lateness() == ""
    assert host.waiting == [5 * len(_LINE)], "said before they were moved"
    assert host.moving.waiting_bytes() == 0


def test_an_empty_spool_is_not_late(world: World, tmp_path: Path) -> None:
    host = Host(world, tmp_path / "spool")
    assert host.spool.lateness() == ""
    host.writer.append([_LINE])
    assert host.spool.lateness() == "", "the control: what comes now is not late"


def test_doors_are_judged_when_the_store_knows_what_this_host_knows(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_NEXT_WORD_SECONDS", 0.05)
    host = Host(world, tmp_path / "spool", 5)
    reported = threading.Event()
    judged = host.spool.when_judged(reported)
    reported.set()
    assert not judged.wait(0.2), "the lines of before are not moved yet"
    host.spool.move()
    assert judged.wait(30)


def test_a_spool_that_cannot_be_moved_does_not_keep_all_else_from_beginning(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(transfer, "_NEXT_WORD_SECONDS", 0.05)
    host = Host(world, tmp_path / "spool", 5)
    reported = threading.Event()
    judged = host.spool.when_judged(reported)
    assert not judged.wait(0.2), "this instance has not reported"
    reported.set()
    assert judged.wait(30)


def test_the_last_word_is_said_after_the_last_move(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It decides whether evidence is missing until this host comes back."""
    host = Host(world, tmp_path / "spool", 5)

    def full(*_: object) -> None:
        raise StoreNotUsable("its disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "record_parts", full)
        host.spool.sign_off()
    assert host.waiting == [5 * len(_LINE)] * 2, "what cannot be moved waits"
    host.spool.sign_off()
    assert host.waiting[-1] == 0, "the control"
