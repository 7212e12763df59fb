"""What root makes belongs to the owner of its folder; and who may not is told who may."""

import errno
import os
from pathlib import Path

import pytest

from engage_server.errors import FileNotUsable
from engage_server.files import (
    make_folder,
    open_file,
    owner_of,
    replace_file,
    what_to_do,
    write_new_file,
    write_new_folder,
)


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
