"""Opens the key of the links. Apart from the other keys, so that the ingress needs nothing of the database for it."""

from contextlib import suppress

from engage_server.errors import Conflict, SealBroken
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.records import Secret
from engage_server.settings import Settings
from engage_server.store.sealing import LinkSealer, new_key_encryption_key

_MAX_KEY_FILE_BYTES = 4096


class LinkKey:
    """Opens what is sealed under the key of the links. The file may be made after the ingress has started.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sealer = read_link_sealer(settings)

    def open(self, sealed: bytes, purpose: str) -> Secret:
        """Decrypt.

        Raises:
            SealBroken: It was sealed with another key or for another purpose, or has changed since.
            SettingsInvalid: The file is not a key.
            FileNotUsable: It cannot be read.
        """
        if self._sealer is None:
            self._sealer = read_link_sealer(self._settings)
        if self._sealer is None:
            raise SealBroken(
                f"{purpose}: there is no key of the links, {self._settings.links_key_file}",
                "Restore the file from its backup.",
            )
        return self._sealer.open(sealed, purpose)


def read_link_sealer(settings: Settings) -> LinkSealer | None:
    """Return a sealer with the key of the links. None if there is no such file: no device has a secret yet.

    Raises:
        SettingsInvalid: The file is not a key.
        FileNotUsable: It cannot be read.
    """
    path = settings.links_key_file
    return LinkSealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path)) if path.exists() else None


def ensured_link_sealer(settings: Settings) -> LinkSealer:
    """Return a sealer with the key of the links. If there is none yet, make one.

    Raises:
        SettingsInvalid: The file is not a key.
        FileNotUsable: It cannot be read or written.
    """
    path = settings.links_key_file
    if not path.exists():
        make_folder(path.parent)
        with suppress(Conflict):  # another process made it just now: use that one
            write_new_file(path, new_key_encryption_key(), SECRET_MODE)
    return LinkSealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path))
