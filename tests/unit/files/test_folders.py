"""A folder is whole or not there."""

import stat
from pathlib import Path

import pytest

from engage_server.errors import Conflict, FileNotUsable
from engage_server.files import (
    make_folder,
    write_new_file,
    write_new_folder,
)


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


def test_a_folder_of_a_fresh_checkout_is_closed_and_a_shared_one_is_not(tmp_path: Path) -> None:
    for name, holds, mode in (("fresh", "README.md", 0o700), ("shared", "other", 0o755)):
        folder = tmp_path / name
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        (folder / holds).touch()
        make_folder(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == mode
