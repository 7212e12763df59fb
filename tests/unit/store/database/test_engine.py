"""A database URL that is none, a disk that is full: said in a sentence, with what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid, StoreNotUsable
from engage_server.store.database.engine import (
    create_sqlite_file,
    open_engine,
    sqlite_file_missing,
    sqlite_path,
    translated_errors,
)
from tests.support.world import World


@pytest.mark.parametrize("look", [open_engine, create_sqlite_file, sqlite_file_missing, sqlite_path])
@pytest.mark.parametrize("url", ["", " ", "engage.db", "postgresql://u:secret@h:notaport/d", "://"])
def test_what_is_no_url_is_said_and_not_shown(look: Callable[[str], object], url: str) -> None:
    with pytest.raises(SettingsInvalid, match="database_url cannot be read") as raised:
        look(url)
    assert "secret" not in str(raised.value)


def test_a_right_one_is_read(tmp_path: Path) -> None:
    """The negative control."""
    assert sqlite_file_missing(f"sqlite:///{tmp_path}/engage.db")
    assert sqlite_path(f"sqlite:///{tmp_path}/engage.db") == tmp_path / "engage.db"


def test_a_full_database_says_that_room_is_wanted(world: World) -> None:
    """SQLite's own limit of pages stands for the disk: it is the same error."""
    with world.store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreNotUsable) as raised, translated_errors(world.store._engine):
            for number in range(10_000):
                connection.exec_driver_sql(
                    "INSERT INTO spool_offsets VALUES (?, 0, '2026-01-01 00:00:00')", (f"{number:064}",)
                )
        assert "free some space" in raised.value.next_step
