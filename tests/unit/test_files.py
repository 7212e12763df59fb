"""Files are whole or not there, also when the disk is full, read-only or taken away."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from engage_server.errors import Conflict, FileNotUsable
from engage_server.files import (
    make_folder,
    open_file,
    owner_of,
    read_file,
    replace_file,
    what_to_do,
    write_new_file,
    write_new_folder,
    write_output,
)


def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    for umask in (0o000, 0o077, 0o777):
        before = os.umask(umask)
        try:
            write_new_file(tmp_path / f"secret{umask}", b"x", 0o600)
            write_new_file(tmp_path / f"public{umask}", b"x", 0o644)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"secret{umask}").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / f"public{umask}").stat().st_mode) == 0o644


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    with pytest.raises(Conflict, match="exists already"):
        write_new_file(file, b"new", 0o600)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileNotUsable, match="No space left"):
        write_new_file(tmp_path / "file", b"x", 0o600)
    with pytest.raises(FileNotUsable, match="No space left"):
        write_new_folder(tmp_path / "folder", {"a": (b"x", 0o600), "b": (b"y", 0o600)})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    write_new_folder(folder, {"a": (b"x", 0o600)})
    assert (folder / "a").read_bytes() == b"x"
    with pytest.raises(Conflict, match="not an empty folder"):
        write_new_folder(folder, {"b": (b"y", 0o600)})
    assert [path.name for path in folder.iterdir()] == ["a"]
    empty = tmp_path / "empty"
    empty.mkdir()
    write_new_folder(empty, {"a": (b"x", 0o600)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "new"]


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(Conflict):
        write_new_folder(tmp_path / "file", {"a": (b"x", 0o600)})
    with pytest.raises(FileNotUsable):
        make_folder(tmp_path / "file" / "below")
    with pytest.raises(FileNotUsable):
        write_new_file(tmp_path / "file" / "below", b"x", 0o600)


def test_reading_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file", limit=5) == b"12345"
    with pytest.raises(FileNotUsable, match="more than 4 bytes"):
        read_file(tmp_path / "file", limit=4)
    with pytest.raises(FileNotUsable, match="No such file"):
        read_file(tmp_path / "gone", limit=4)
    with pytest.raises(FileNotUsable, match="directory"):
        read_file(tmp_path, limit=4)


def test_a_folder_of_a_fresh_checkout_is_closed_and_a_shared_one_is_not(tmp_path: Path) -> None:
    for name, holds, mode in (("fresh", "README.md", 0o700), ("shared", "other", 0o755)):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        (folder / holds).touch()
        make_folder(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act for others")
def test_what_root_makes_belongs_to_the_owner_of_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    make_folder(tmp_path / "one" / "two")
    write_new_file(tmp_path / "one" / "new", b"x", 0o600)
    replace_file(tmp_path / "one" / "new", b"y", 0o600)
    write_new_folder(tmp_path / "chains" / "main", {"a": (b"x", 0o600), "next/b": (b"y", 0o600)})
    for flags in (os.O_RDWR, os.O_RDWR | os.O_APPEND, os.O_WRONLY | os.O_EXCL):
        os.close(open_file(tmp_path / f"lock{flags}", flags))
    for path in tmp_path.rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534), path
    assert owner_of(tmp_path / "not" / "yet") == (65534, 65534)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act for others")
def test_what_lies_there_keeps_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    theirs = tmp_path / "theirs"
    theirs.touch()
    os.chown(theirs, 1, 1)
    os.close(open_file(theirs, os.O_RDWR))
    make_folder(tmp_path)
    assert theirs.stat().st_uid == 1
    with pytest.raises(FileExistsError):
        open_file(theirs, os.O_WRONLY | os.O_EXCL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act for others")
def test_where_it_cannot_be_given_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network's file system that makes nobody of root: the command refuses."""

    def refused(_descriptor: int, _user: int, _group: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchown", refused)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotUsable, match="not permitted"):
        write_new_file(tmp_path / "file", b"x", 0o600)
    with pytest.raises(FileNotUsable, match="not permitted"):
        replace_file(tmp_path / "file", b"x", 0o600)
    with pytest.raises(FileNotUsable, match="not permitted"):
        write_new_folder(tmp_path / "folder", {"a": (b"x", 0o600)})
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(("user", "step"), [(1000, "as a user who has the permission, such as root"), (0, "Fix that")])
def test_who_may_not_is_told_who_may(monkeypatch: pytest.MonkeyPatch, user: int, step: str) -> None:
    """As the service's user that reads root's keys: there is nothing to mend."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert step in what_to_do(PermissionError(errno.EACCES, "x"))
    assert "Fix that" in what_to_do(FileNotFoundError(errno.ENOENT, "x"))


def test_no_root_gives_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "fchown", lambda *_: pytest.fail("it was given away"))
    write_new_file(tmp_path / "file", b"x", 0o600)
    make_folder(tmp_path / "folder")
    assert owner_of(tmp_path) is None


def test_an_output_goes_into_a_pipe_and_through_a_link_and_leaves_both_what_they_are(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    link.symlink_to(target)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_output(pipe, b"report")
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)
    write_output(link, (b"re", b"port"))
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert link.is_symlink() and target.read_bytes() == b"report"


def test_an_output_replaces_a_plain_file_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report"
    write_output(file, b"old")
    other_name = tmp_path / "hard-link"
    os.link(file, other_name)
    write_output(file, b"new")
    assert (file.read_bytes(), other_name.read_bytes()) == (b"new", b"old")


def test_no_file_is_put_in_the_place_of_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotUsable, match="is a pipe or a device"):
        replace_file(tmp_path / "pipe", b"x", 0o600)
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)


@pytest.mark.parametrize("name", ["", ".", "/", ".."])
def test_a_name_that_is_a_folder_is_refused_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotUsable):
        write_output(Path(name), b"x")
    with pytest.raises((FileNotUsable, Conflict)):
        write_new_folder(Path(name), {"file": (b"x", 0o600)})
    with pytest.raises((FileNotUsable, Conflict)):
        write_new_file(Path(name), b"x", 0o600)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"x" * 200_000,))
    writer.start()
    try:
        assert len(read_file(tmp_path / "pipe", limit=300_000)) == 200_000
    finally:
        writer.join()


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.files.PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotUsable, match="nothing came out of it"):
        read_file(tmp_path / "pipe", limit=100)
