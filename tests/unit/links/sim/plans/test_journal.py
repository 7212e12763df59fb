"""The file of a bulk: what was written down is there, and a torn line says nothing."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engage_server.errors import Conflict, FileNotUsable, NotPossible
from engage_server.links.sim.plans.journal import BulkHead, BulkJournal, begin_bulk, bulks, forget_old_bulks, read_bulk
from engage_server.links.sim.plans.outcomes import Outcome, Trouble
from engage_server.links.sim.plans.writes import ServicesWrite, StateWrite, TagsWrite, Write, write_of
from engage_server.links.sim.things import ThingState

NOW = datetime(2027, 1, 2, 3, 4, tzinfo=UTC)
WRITES: list[Write] = [
    StateWrite(ThingState.SUSPENDED),
    TagsWrite(("a", "b"), ("c",)),
    ServicesWrite(("data",)),
]


def head(write: Write = WRITES[0], bulk: str = "20270102T030400-aa") -> BulkHead:
    return BulkHead(bulk, "jpu", write, ("1", "2", "3"), NOW, "anna", "winter")


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.kind)
def test_a_bulk_is_read_as_it_was_begun(tmp_path: Path, write: Write) -> None:
    with begin_bulk(tmp_path, head(write)) as journal:
        assert journal.so_far.head == head(write)
    (file,) = bulks(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_bulk(file).head == head(write)
    assert write_of(write.stored()) == write


def test_each_line_counts_and_the_last_one_of_a_thing_decides(tmp_path: Path) -> None:
    with begin_bulk(tmp_path, head()) as journal:
        journal.write("1", Outcome.BEGUN)
        journal.write("1", Outcome.DONE)
        journal.write("2", Outcome.BEGUN)
        journal.write("2", Outcome.UNKNOWN, Trouble("upstream.silent", "no answer", "look"))
    so_far = read_bulk(bulks(tmp_path)[0])
    assert so_far.outcomes == {"1": Outcome.DONE, "2": Outcome.UNKNOWN}
    assert so_far.left() == ["2", "3"]
    assert [each.trouble.code for each in so_far.failures()] == ["upstream.silent"]
    counts = so_far.counts()
    assert (counts.total, counts.done, counts.unknown, counts.left) == (3, 1, 1, 1)
    assert not so_far.is_over


def test_each_line_is_on_the_disk_before_anything_else_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash of the machine must not lose that a write was sent. The system's own call is counted, and made."""
    synced: list[int] = []
    fsync = os.fsync

    def count(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    with begin_bulk(tmp_path, head()) as journal:
        monkeypatch.setattr(os, "fsync", count)
        (file,) = bulks(tmp_path)
        steps: list[Callable[[], None]] = [
            lambda: journal.write("1", Outcome.BEGUN),
            lambda: journal.write("1", Outcome.UNKNOWN, Trouble("upstream.silent", "no answer")),
            lambda: journal.end("settled"),
        ]
        for step in steps:
            step()
            assert synced.pop() == file.stat().st_size, "all of it"
            assert synced == []


def test_a_torn_line_did_not_happen_and_is_not_continued(tmp_path: Path) -> None:
    with begin_bulk(tmp_path, head()) as journal:
        journal.write("1", Outcome.BEGUN)
    (file,) = bulks(tmp_path)
    with file.open("ab") as appended:
        appended.write(b'{"thing": "1", "is": "do')
    so_far = read_bulk(file)
    assert so_far.outcomes == {"1": Outcome.BEGUN}
    with BulkJournal(file, so_far) as journal:
        journal.write("1", Outcome.DONE)
        journal.end("settled")
    again = read_bulk(file)
    assert again.outcomes == {"1": Outcome.DONE}
    assert again.is_over


def test_two_processes_cannot_work_on_one_bulk(tmp_path: Path) -> None:
    with begin_bulk(tmp_path, head()) as journal, pytest.raises(NotPossible) as refused:
        BulkJournal(bulks(tmp_path)[0], journal.so_far)
    assert refused.value.code == "sim.bulk_busy"
    BulkJournal(bulks(tmp_path)[0], journal.so_far).__exit__(None, None, None)


def test_who_opens_it_later_sees_what_was_written_meanwhile(tmp_path: Path) -> None:
    with begin_bulk(tmp_path, head()) as journal:
        before = read_bulk(bulks(tmp_path)[0])
        journal.write("1", Outcome.DONE)
    with BulkJournal(bulks(tmp_path)[0], before) as later:
        assert later.so_far.outcomes == {"1": Outcome.DONE}


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    with begin_bulk(tmp_path, head()), pytest.raises(Conflict):
        begin_bulk(tmp_path, head())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"{}\n",
        json.dumps({"bulk": "x", "write": {"kind": "new"}, "things": []}).encode() + b"\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_is_no_bulk_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.bulk"
    file.write_bytes(content)
    with pytest.raises(FileNotUsable, match=r"x\.bulk"):
        read_bulk(file)


def test_a_folder_that_is_not_there_has_no_bulks(tmp_path: Path) -> None:
    assert bulks(tmp_path / "none") == []


def test_old_bulks_are_forgotten_but_none_that_was_interrupted(tmp_path: Path) -> None:
    for number in range(105):
        with begin_bulk(tmp_path, head(bulk=f"{number:03}")) as journal:
            if number != 1:
                journal.end("settled")
    forget_old_bulks(tmp_path)
    left = [file.stem for file in bulks(tmp_path)]
    assert left == ["001", *(f"{number:03}" for number in range(5, 105))]
    forget_old_bulks(tmp_path)
    assert len(bulks(tmp_path)) == 101
