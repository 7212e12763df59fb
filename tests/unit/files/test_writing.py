"""Files are whole or not there, also when the disk is full, read-only or taken away."""

import errno
import os
import stat
from pathlib import Path

import pytest

from engage_server.errors import Conflict, FileNotUsable
from engage_server.files import (
    replace_file,
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
