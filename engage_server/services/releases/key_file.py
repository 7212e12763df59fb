"""Writes the release key to a file, for a TLS instance that must never see the key-encryption key."""

from pathlib import Path
from typing import Protocol

from engage_server.errors import Conflict
from engage_server.files import SECRET_MODE, read_file, replace_file, write_new_file
from engage_server.records import AuditAction, Occasion
from engage_server.records.release_key import is_release_key, write_release_key
from engage_server.store.interface import AuditStore, ReleaseStore

_MAX_BYTES = 4096


class KeyStore(ReleaseStore, AuditStore, Protocol):
    """The part of the store that the release key needs."""


class ReleaseKeyFile:
    """Writes the release key.

    Args:
        store: Holds the release key.
    """

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def write(self, file: Path, occasion: Occasion) -> None:
        """Write the key with mode 0600, and record that in the audit log.

        A file that contains a release key is replaced. Any other file is left alone: it might be ``engage.kek``.

        Raises:
            Conflict: The file exists and contains something else.
            FileNotUsable: It cannot be written.
        """
        text = write_release_key(self._store.release_key())
        if not file.exists():
            write_new_file(file, text, SECRET_MODE)
        elif is_release_key(read_file(file, limit=_MAX_BYTES)):
            replace_file(file, text, SECRET_MODE)
        else:
            raise Conflict(f"{file} exists and is not a release key", "Nothing was changed. Choose another name.")
        self._store.record(occasion.event(AuditAction.RELEASE_KEY_EXPORTED, file=str(file)))
