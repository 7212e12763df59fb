"""Whose operators' instance answers: each writes its metrics into the folder of its own installation."""

import os
import threading
import time
from pathlib import Path

from engage_server.composition.examination import has_operators


def test_metrics_that_were_just_written(tmp_path: Path) -> None:
    assert not has_operators(tmp_path, 0), "no folder"
    file = tmp_path / "operators" / "1.json"
    file.parent.mkdir()
    assert not has_operators(tmp_path, 0)
    file.touch()
    assert has_operators(tmp_path, 0)
    os.utime(file, (time.time() - 60,) * 2)
    assert not has_operators(tmp_path, 0), "of an instance that ended"


def test_one_that_was_just_started(tmp_path: Path) -> None:
    file = tmp_path / "operators" / "1.json"
    file.parent.mkdir()
    writing = threading.Timer(0.2, file.touch)
    writing.start()
    assert has_operators(tmp_path, 10)
    writing.join()
