"""A database URL that is none: said in a sentence, wherever it is looked at first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engage_server.errors import SettingsInvalid
from engage_server.store.engine import create_sqlite_file, open_engine, sqlite_file_missing, sqlite_path


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
