"""A demonstration goes into an empty folder, and touches nothing of another installation."""

from pathlib import Path

import pytest

from engage_server.demo.throwaway import assert_alone, make_folder_and_settings
from engage_server.errors import Conflict, EngageError, SettingsInvalid
from engage_server.records import Host


def tree(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize("is_there", [True, False])
def test_an_empty_folder_gets_settings_that_nobody_elsewhere_reaches(tmp_path: Path, is_there: bool) -> None:
    folder = tmp_path / "demo"
    if is_there:
        folder.mkdir()
    settings = make_folder_and_settings(folder)
    assert (settings.http_port, settings.https_port, settings.operators_port) == (8081, 8444, 8009)
    assert Host(settings.bind).is_this_machine
    assert Host(settings.operators_bind).is_this_machine
    assert settings.data_dir == folder / "data"
    assert settings.database_url.reveal() == f"sqlite:///{folder}/data/engage.db"
    assert "demonstration" in (folder / "engage.toml").read_text().splitlines()[0]


@pytest.mark.parametrize("what", ["engage.toml", "engage.kek", "data/engage.db", "notes.txt", ".hidden"])
def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path, what: str) -> None:
    file = tmp_path / what
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"mine")
    before = tree(tmp_path)
    with pytest.raises(Conflict) as refused:
        make_folder_and_settings(tmp_path)
    assert refused.value.code == "demo.not_empty"
    assert tree(tmp_path) == before


def test_the_same_folder_is_refused_the_second_time(tmp_path: Path) -> None:
    make_folder_and_settings(tmp_path / "demo")
    with pytest.raises(Conflict):
        make_folder_and_settings(tmp_path / "demo")


def test_the_data_folder_of_an_installation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "engage.db").write_bytes(b"")
    with pytest.raises(Conflict) as refused:
        make_folder_and_settings(tmp_path / "main" / "demo")
    assert refused.value.code == "demo.in_installation"
    assert not (tmp_path / "main").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_bytes(b"mine")
    with pytest.raises(EngageError, match="demo"):
        make_folder_and_settings(tmp_path / "demo")
    assert (tmp_path / "demo").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["ENGAGE_DATABASE_URL", "ENGAGE_DATA_DIR", "ENGAGE_KEK", "ENGAGE_HTTP_PORT"])
def test_variables_that_lead_elsewhere_are_refused_without_their_values(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=name) as refused:
        assert_alone({"PATH": "/bin", name: "its value"})
    assert "its value" not in str(refused.value) + refused.value.next_step


def test_variables_that_only_name_a_settings_file_are_no_harm() -> None:
    assert_alone({"PATH": "/bin", "ENGAGE_CONFIG": "/etc/engage.toml", "ENGAGE_SYSTEM_CONFIG": ""})
