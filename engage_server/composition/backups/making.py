"""Builds, from the settings, what makes backups of this installation."""

import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from engage_server import __version__
from engage_server.composition.backups.keys import manifest_code
from engage_server.files import read_file
from engage_server.services.backup.creation import BackupCreation, BackupMaker
from engage_server.services.backup.host_files import HostFiles
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.settings import Settings
from engage_server.settings_text import settings_without_passwords
from engage_server.store.sql_store import SqlStore

SETTINGS_FILE = "engage.toml"
_MIB = 1024 * 1024
_MAX_SETTINGS_BYTES = 4 * _MIB


def backup_creation(store: SqlStore, settings: Settings) -> BackupCreation:
    """Return what makes backups.

    Args:
        store: The store, with the key that opens its secrets.
        settings: The settings.
    """
    sealer = store.sealer
    maker = BackupMaker(
        product=__version__,
        host=socket.gethostname(),
        key_ids=tuple(each.key_id for each in store.accepted_keys()),
        code=partial(manifest_code, sealer),
        cert_url_port=settings.cert_url_port,
    )
    return BackupCreation(store, store.picture, maker, partial(_reserve, settings))


def host_files(settings: Settings, *, with_authority: bool) -> HostFiles:
    """Return the files of this host that go into a backup. No key file and no file with a password is among them.

    Args:
        settings: The settings.
        with_authority: Whether the authority's folder goes into it.

    Raises:
        FileNotUsable: A settings file cannot be read.
    """
    never = (
        settings.key_encryption_key_file,
        settings.release_key_file,
        settings.links_key_file,
        settings.operators_tls_key,
        settings.operators_tls_passphrase_file,
        settings.oidc_client_secret_file,
    )
    return HostFiles(
        settings.data_dir,
        settings.upstream_spool_dir,
        _settings_files(settings),
        settings.certs_dir if with_authority else None,
        [each for each in never if each is not None],
    )


def _settings_files(settings: Settings) -> Mapping[str, bytes]:
    """The settings, and the files beside them that hold no secrets but only name the files that do."""
    found = {SETTINGS_FILE: settings_without_passwords(settings).encode()}
    for path in (settings.links_file, settings.oidc_file):
        if path.is_file():
            found[path.name] = read_file(path, limit=_MAX_SETTINGS_BYTES)
    return found


def _reserve(settings: Settings, folder: Path) -> DiskReserve:
    return DiskReserve(folder, settings.disk_reserve_mib * _MIB)
