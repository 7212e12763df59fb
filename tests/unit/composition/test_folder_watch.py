"""The folder of data is watched, and never made in the place of one that is gone."""

import shutil
from pathlib import Path

import pytest

from engage_server.composition.folder_watch import DataFolder, assert_data_usable
from engage_server.errors import FileNotUsable
from engage_server.files import make_folder
from engage_server.settings import load_settings


def test_it_is_seen_when_it_goes_and_when_another_comes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    folder = DataFolder(data)
    assert folder.trouble() == ""
    data.rename(tmp_path / "away")
    assert "is gone" in folder.trouble()
    data.mkdir()
    assert "is not the one that this process started with" in folder.trouble()
    data.rmdir()
    (tmp_path / "away").rename(data)
    assert folder.trouble() == ""


def test_a_process_that_begins_without_it_says_so(tmp_path: Path) -> None:
    assert "is gone" in DataFolder(tmp_path / "data").trouble()


def test_nothing_is_made_where_it_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.raises(FileNotUsable, match="is gone"):
        make_folder(data / "main" / "0001", within=data)
    assert not data.exists()
    data.mkdir()
    make_folder(data / "main" / "0001", within=data)
    assert (data / "main" / "0001").is_dir()


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/x"])
def test_one_that_cannot_be_made_is_told(place: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotUsable, match=place):
        assert_data_usable(load_settings(None, {"ENGAGE_DATA_DIR": place}, {}, tmp_path))


def test_one_that_this_user_may_not_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(None, {}, {}, tmp_path)
    assert_data_usable(settings)
    monkeypatch.setattr("os.access", lambda path, _mode: path != settings.spool_dir)
    with pytest.raises(FileNotUsable, match="this user may not write to it") as caught:
        assert_data_usable(settings)
    assert f"owner of {settings.data_dir}" in caught.value.next_step
    shutil.rmtree(settings.data_dir)
