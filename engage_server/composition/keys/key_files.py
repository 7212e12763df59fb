"""The file of the key-encryption key, and the two beside it while the key is being changed.

``engage.kek.new`` holds the new key from before the database accepts it until it takes the file's place.
``engage.kek.old`` holds the old one from then on, until only the new one is accepted.
"""

import os
import stat
from pathlib import Path

from engage_server.composition.keys.source import MAX_KEY_FILE_BYTES
from engage_server.errors import FileNotUsable
from engage_server.files import move_file, read_file, replace_file, write_new_file
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey
from engage_server.store.sealing import new_key_encryption_key

_OWNERS = stat.S_IRUSR | stat.S_IWUSR
_MAY_STAY = _OWNERS | stat.S_IRGRP  # a service may read the key by its group; nobody else ever does


class KeyFile:
    """The file, and those beside it.

    Args:
        path: ``key_encryption_key_file``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.new = path.with_name(f"{path.name}.new")
        self.old = path.with_name(f"{path.name}.old")

    def assert_replaceable(self) -> None:
        """Refuse a file that this process cannot replace.

        Raises:
            FileNotUsable: It is a link, or its folder cannot be written: somebody else provides it.
        """
        if self.path.is_symlink() or not os.access(self.path.parent, os.W_OK):
            raise FileNotUsable(
                f"{self.path} cannot be replaced here: it is a link, or its folder cannot be written",
                "Make the key yourself: engage key rotate --new-key-file FILE. Then put it there.",
                code="key.file_provided",
            )

    def prepare(self, text: bytes | None) -> KeyEncryptionKey:
        """Store the new key beside the file, and return it.

        Args:
            text: The new key. None: the one that an interrupted run made, or a random one.
        """
        if text is None and self.new.exists() and _key_in(self.new).key_id != _key_in(self.path).key_id:
            text = read_file(self.new, limit=MAX_KEY_FILE_BYTES)
        else:
            text = text or new_key_encryption_key()
            replace_file(self.new, text, self._mode(), like=self.path)
        return KeyEncryptionKey.from_text(text, str(self.new))

    def holds_prepared(self, key_id: str) -> bool:
        """Whether the new key is stored beside the file."""
        return self.new.exists() and _key_in(self.new).key_id == key_id

    def put_in_place(self) -> None:
        """Let the new key take the place of the old one, which is kept beside it."""
        replace_file(self.old, read_file(self.path, limit=MAX_KEY_FILE_BYTES), self._mode(), like=self.path)
        move_file(self.new, self.path)

    def clean_up(self) -> None:
        """Remove the files beside it."""
        for each in (self.new, self.old):
            each.unlink(missing_ok=True)

    def left_over(self) -> list[str]:
        """The files beside it that are there."""
        return [str(each) for each in (self.new, self.old) if each.exists()]

    def _mode(self) -> int:
        return stat.S_IMODE(self.path.stat().st_mode) & _MAY_STAY | _OWNERS


def given_text(path: Path) -> bytes:
    """Return the text of a key in a file that the operator names. If there is no such file, make one with a new key.

    Raises:
        SettingsInvalid: It is not a key.
        FileNotUsable: It cannot be read or written.
    """
    if not path.exists():
        write_new_file(path, new_key_encryption_key(), _OWNERS)
    text = read_file(path, limit=MAX_KEY_FILE_BYTES)
    KeyEncryptionKey.from_text(text, str(path))
    return text


def _key_in(path: Path) -> KeyEncryptionKey:
    return KeyEncryptionKey.from_text(read_file(path, limit=MAX_KEY_FILE_BYTES), str(path))
