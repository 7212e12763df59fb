"""Whose operators' instance answers: each writes its metrics into the folder of its own installation."""

import os
import time
from pathlib import Path

from engage_server.composition.examination import has_operators


def test_metrics_that_were_just_written(tmp_path: Path) -> None:
    assert not has_operators(tmp_path), "no folder"
    file = tmp_path / "operators" / "1.json"
    file.parent.mkdir()
    assert not has_operators(tmp_path)
    file.touch()
    assert has_operators(tmp_path)
    os.utime(file, (time.time() - 60,) * 2)
    assert not has_operators(tmp_path), "of an instance that ended"
