"""Whether a database is lost, or was never there."""

import os
import shutil
from pathlib import Path

import pytest

from engage_server.composition.creation import create_installation
from engage_server.composition.opening import open_database
from engage_server.composition.remains import assert_not_lost, begin, remains
from engage_server.errors import Conflict, SettingsInvalid, StoreNotUsable
from engage_server.settings import load_settings
from tests.support.postgresql import PostgresServer


def test_on_postgresql_an_empty_database_beside_an_older_key_is_a_lost_one(
    tmp_path: Path, postgresql: PostgresServer
) -> None:
    settings = load_settings(None, {"ENGAGE_DATABASE_URL": postgresql.new_database()}, {}, tmp_path)
    create_installation(settings, {}).close()
    assert remains(settings) == [], "the control"
    create_installation(settings, {}).close()
    other = load_settings(None, {"ENGAGE_DATABASE_URL": postgresql.new_database()}, {}, tmp_path)
    assert_not_lost(other, early=True)  # another machine may be making it
    with pytest.raises(Conflict, match=r"engage\.kek exists"):
        create_installation(other, {})
    create_installation(other, {}, new=True).close()
    assert remains(other) == []


def test_a_run_without_the_key_on_a_further_host_disarms_nothing(tmp_path: Path, postgresql: PostgresServer) -> None:
    """It is what everybody tries first on a second host. Later its mark excused an empty database there."""
    url = postgresql.new_database()
    first = load_settings(None, {"ENGAGE_DATABASE_URL": url}, {}, tmp_path / "first")
    create_installation(first, {}).close()
    second = load_settings(None, {"ENGAGE_DATABASE_URL": url}, {}, tmp_path / "second")
    with pytest.raises(SettingsInvalid, match="is missing, but its database exists") as refused:
        create_installation(second, {})
    assert "copy engage.kek from the first one" in refused.value.next_step
    assert not begin(second).exists()
    lost = load_settings(None, {"ENGAGE_DATABASE_URL": postgresql.new_database()}, {}, tmp_path / "second")
    assert_not_lost(lost)  # nothing of an installation is here yet
    (tmp_path / "second").mkdir(exist_ok=True)
    shutil.copy(tmp_path / "first" / "engage.kek", tmp_path / "second" / "engage.kek")
    with pytest.raises(Conflict, match=r"the database is empty, but the key .*engage\.kek exists"):
        create_installation(lost, {})


def test_what_devices_left_is_no_part_of_an_interrupted_run(tmp_path: Path) -> None:
    settings = load_settings(None, {}, {}, tmp_path)
    (tmp_path / "data" / "spool").mkdir(parents=True)
    begin(settings).touch()
    (tmp_path / "engage.kek").write_text("a key that an interrupted run has made")
    assert remains(settings) == [], "the control"
    (tmp_path / "data" / "spool" / "x.sightings").touch()
    assert len(remains(settings)) == 2


def test_a_key_in_the_environment_is_nothing_that_is_left(tmp_path: Path) -> None:
    settings = load_settings(None, {}, {}, tmp_path)
    create_installation(settings, {}).close()
    key = (tmp_path / "engage.kek").read_text().strip()
    (tmp_path / "engage.kek").unlink()
    (tmp_path / "data" / "engage.db").unlink()
    (tmp_path / "certs" / ".installation").unlink()
    create_installation(settings, {"ENGAGE_KEY_ENCRYPTION_KEY": key}).close()


def test_chains_that_an_installation_used_are_something_that_is_left(tmp_path: Path) -> None:
    """Also with the key in the environment, where no file says that there was an installation."""
    settings = load_settings(None, {}, {}, tmp_path)
    create_installation(settings, {}).close()
    key = {"ENGAGE_KEY_ENCRYPTION_KEY": (tmp_path / "engage.kek").read_text().strip()}
    (tmp_path / "engage.kek").unlink()
    (tmp_path / "data" / "engage.db").unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Conflict, match="certs has chains of an installation") as lost:
        create_installation(settings, key)
    assert "engage backup restore FILE" in lost.value.next_step
    assert sorted(tmp_path.rglob("*")) == before
    create_installation(settings, key, new=True).close()


def test_backups_are_something_that_is_left_and_the_newest_is_named(tmp_path: Path) -> None:
    settings = load_settings(None, {"ENGAGE_BACKUP_FOLDER": str(tmp_path / "backups")}, {}, tmp_path)
    (tmp_path / "backups").mkdir()
    assert remains(settings) == [], "the control: an empty folder of backups is none"
    for at, name in enumerate(("engage-a-20261126T023000Z.tar.gz", "engage-a-20261127T023000Z.tar.gz")):
        (tmp_path / "backups" / name).touch()
        os.utime(tmp_path / "backups" / name, (at, at))
    with pytest.raises(Conflict, match="holds backups, the newest of them") as lost:
        create_installation(settings, {})
    assert f"engage backup restore {tmp_path}/backups/engage-a-20261127T023000Z.tar.gz." in lost.value.next_step
    (tmp_path / "data" / "spool").mkdir(parents=True)
    (tmp_path / "data" / "spool" / "x.sightings").touch()
    with pytest.raises(Conflict) as lost:
        create_installation(settings, {})
    assert "20261127T023000Z.tar.gz --only-database. " in lost.value.next_step, "with them, all would be refused"


def test_another_database_than_before_is_no_lost_one(tmp_path: Path) -> None:
    """As when SQLite is replaced by PostgreSQL: nothing may suggest new site keys, which no door has."""
    create_installation(load_settings(None, {}, {}, tmp_path), {}).close()
    moved = load_settings(None, {"ENGAGE_DATABASE_URL": f"sqlite:///{tmp_path}/other.db"}, {}, tmp_path)
    with pytest.raises(Conflict, match=r"engage\.db, and its content is not moved") as refused:
        create_installation(moved, {})
    assert refused.value.code == "installation.elsewhere"
    assert "--site-key-file" in refused.value.next_step
    with pytest.raises(StoreNotUsable, match=r"engage\.db, and its content is not moved") as refused_too:
        open_database(moved)
    assert refused_too.value.code == "installation.elsewhere"
    (tmp_path / "data" / "engage.db").unlink()
    with pytest.raises(Conflict, match="lost its database") as lost:
        create_installation(moved, {})
    assert "engage init --new --site-key-file FILE" in lost.value.next_step
    with pytest.raises(StoreNotUsable, match="the database is lost") as lost_too:
        open_database(moved)
    assert lost_too.value.next_step == lost.value.next_step
