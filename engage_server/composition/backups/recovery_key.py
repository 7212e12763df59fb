"""The key-encryption key of a place into which a backup is restored."""

from collections.abc import Mapping
from pathlib import Path

from engage_server.composition.keys.source import SourceKind, read_key, source_of
from engage_server.errors import SettingsInvalid
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.settings import Settings
from engage_server.store.keys.key_encryption_key import KeyEncryptionKey

_MAX_KEY_FILE_BYTES = 4096


def recovery_key(settings: Settings, environment: Mapping[str, str], kek_file: Path | None) -> KeyEncryptionKey:
    """Return the key that was named, or that of this host.

    Raises:
        SettingsInvalid: There is no key, or the text is not a key. Or this host has another key than the one named.
        FileNotUsable: The file cannot be read.
    """
    if kek_file is None:
        is_file = source_of(settings, environment).kind is SourceKind.FILE
        if is_file and not settings.key_encryption_key_file.exists():
            raise SettingsInvalid(
                f"there is no key-encryption key: {settings.key_encryption_key_file} does not exist",
                "Name the copy that you kept: --kek-file FILE. A backup never holds it, and nothing else opens it.",
            )
        return read_key(settings, environment).key
    key = KeyEncryptionKey.from_text(read_file(kek_file, limit=_MAX_KEY_FILE_BYTES), str(kek_file))
    source = source_of(settings, environment)
    is_there = source.kind is not SourceKind.FILE or settings.key_encryption_key_file.exists()
    if is_there and read_key(settings, environment).key.key_id != key.key_id:
        raise SettingsInvalid(
            f"the {source} gives another key than {kek_file}, and the restored host would use that one",
            f"Take it away, or put the key of {kek_file} there. Then restore.",
            code="secret.given_twice",
        )
    return key


def keep_key(settings: Settings, kek_file: Path | None) -> None:
    """Make the named key the key file of this host, if there is none.

    Raises:
        FileNotUsable: It cannot be written.
    """
    ours = settings.key_encryption_key_file
    if kek_file is not None and not ours.exists():
        make_folder(ours.parent)
        write_new_file(ours, read_file(kek_file, limit=_MAX_KEY_FILE_BYTES), SECRET_MODE)
