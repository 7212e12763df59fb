"""Reading has a limit, and a pipe is read to its end."""

import os
import threading
from pathlib import Path

import pytest

from engage_server.errors import FileNotUsable
from engage_server.files import (
    read_file,
)


def test_reading_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file", limit=5) == b"12345"
    with pytest.raises(FileNotUsable, match="more than 4 bytes"):
        read_file(tmp_path / "file", limit=4)
    with pytest.raises(FileNotUsable, match="No such file"):
        read_file(tmp_path / "gone", limit=4)
    with pytest.raises(FileNotUsable, match="directory"):
        read_file(tmp_path, limit=4)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"x" * 200_000,))
    writer.start()
    try:
        assert len(read_file(tmp_path / "pipe", limit=300_000)) == 200_000
    finally:
        writer.join()


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engage_server.files.reading.PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileNotUsable, match="nothing came out of it"):
        read_file(tmp_path / "pipe", limit=100)
