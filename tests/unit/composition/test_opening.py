"""Opening an installation: what fails leaves nothing of the database open."""

import os
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from engage_server.composition.creation import create_installation
from engage_server.composition.device_side import DeviceSide, store_spool
from engage_server.composition.opening import ReleaseSealer
from engage_server.composition.operator_side import open_operator_side
from engage_server.composition.starting.release_key import derived_release_key
from engage_server.errors import EngageError, SealBroken, StoreVersionMismatch
from engage_server.records import Secret
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.settings import Settings, load_settings
from engage_server.store.sealing import new_key_encryption_key
from engage_server.variables import KEK_VARIABLE

OTHER = new_key_encryption_key().decode().strip()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a fresh installation."""
    found = load_settings(None, {}, {}, tmp_path)
    create_installation(found, {}).close()
    return found


def open_databases(folder: Path) -> list[str]:
    """The database's files that this process holds."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # of the listing itself
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(f"{folder}/") and ".db" in path]


def test_the_look_finds_an_open_database(settings: Settings, tmp_path: Path) -> None:
    side = open_operator_side(settings, {})
    assert side.sites.all() == []
    assert open_databases(tmp_path)
    side.close()
    assert open_databases(tmp_path) == []


def test_the_operators_services_share_the_connections_of_a_serving_process(settings: Settings, tmp_path: Path) -> None:
    serving = DeviceSide(settings, None)
    serving.generation()
    alone = len(open_databases(tmp_path))
    side = serving.operator_side(settings, {}, lambda head: None)
    assert side.sites.all() == []
    assert len(open_databases(tmp_path)) == alone
    other = open_operator_side(settings, {})
    assert other.sites.all() == []
    assert len(open_databases(tmp_path)) > alone, "the control: a second database would be seen"
    other.close()
    serving.release_connections()
    assert open_databases(tmp_path) == []


def test_operators_with_another_key(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SealBroken):
        open_operator_side(settings, {KEK_VARIABLE: OTHER})
    assert open_databases(tmp_path) == []


def test_init_with_another_key(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(EngageError):
        create_installation(settings, {KEK_VARIABLE: OTHER})
    assert open_databases(tmp_path) == []


def test_a_tls_instance_with_another_key(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SealBroken):
        DeviceSide(settings, ReleaseSealer(Secret(os.urandom(32))))
    assert open_databases(tmp_path) == []


def test_a_database_of_another_version(settings: Settings, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "data" / "engage.db")
    with connection:
        connection.execute("update alembic_version set version_num = '9999'")
    connection.close()
    for opening in (
        lambda: open_operator_side(settings, {}),
        lambda: DeviceSide(settings, None),
        lambda: derived_release_key(settings, {}),
    ):
        with pytest.raises(StoreVersionMismatch):
            opening()
    assert open_databases(tmp_path) == []


def test_what_a_host_left_is_stored_by_a_rename(settings: Settings) -> None:
    """Otherwise evidence would count as missing until the servers are started again."""
    host = socket.gethostname()
    settings.spool_dir.mkdir(parents=True)
    SpoolWriter(settings.spool_dir, 1 << 20).append([b"no sighting\n"])
    with closing(open_operator_side(settings, {})._store) as store:
        store_spool(settings, store, lambda _: Secret(b""))
        assert store.spools() == [], "the control: a host that never said anything"
        store.report_spool(host, 12)
        store_spool(settings, store, lambda _: Secret(b""))
        assert [(each.host, each.waiting_bytes) for each in store.spools()] == [(host, 0)]
