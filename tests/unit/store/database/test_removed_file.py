"""A SQLite file that is removed or exchanged under a running process is not used any more, and none is made instead."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from engage_server.errors import StoreNotUsable
from engage_server.store.database.engine import open_engine, reading, writing
from tests.support.databases import migrated_sqlite


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM sites")) or 0)


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def test_a_removed_file_is_an_error_at_once_and_is_used_again_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "engage.db"
    engine = open_engine(migrated_sqlite(path))
    assert count(engine) == 0, "the control; this connection stays in the pool"
    shutil.copy(path, tmp_path / "backup")
    remove(path)
    for way in (reading, writing):
        with pytest.raises(StoreNotUsable, match="its file is gone") as caught, way(engine):
            pass
        assert "restore it from its backup" in caught.value.next_step
    assert not path.exists(), "an empty one would look like a database without tables"
    shutil.copy(tmp_path / "backup", path)
    assert count(engine) == 0
    engine.dispose()


def test_another_file_in_its_place_is_used(tmp_path: Path) -> None:
    """After a restore, nothing goes on into the old file, which nobody would find again."""
    path, other = tmp_path / "engage.db", tmp_path / "other.db"
    engine, second = open_engine(migrated_sqlite(path)), open_engine(migrated_sqlite(other))
    with writing(second) as connection:
        connection.execute(text("CREATE TABLE mark (one INTEGER)"))
    second.dispose()
    assert count(engine) == 0
    remove(path)
    other.rename(path)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM mark")) == 0
    engine.dispose()
