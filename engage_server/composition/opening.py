"""Opens an installation: its database, and its keys from files, from the environment, or derived from one another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine

from engage_server.composition.remains import assert_not_gone, assert_not_restoring
from engage_server.errors import Conflict, FileNotUsable, SettingsInvalid, StoreNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.records import Secret
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_file_missing
from engage_server.store.sealing import ReleaseSealer, Sealer, new_key_encryption_key
from engage_server.variables import FILE_SUFFIX, KEK_VARIABLE, RELEASE_KEY_VARIABLE, assert_one_secret

__all__ = [
    "ReleaseSealer",
    "derived_release_key",
    "ensured_sealer",
    "given_release_key",
    "kept_open",
    "open_database",
    "read_sealer",
]

_MAX_KEY_FILE_BYTES = 4096


@contextmanager
def kept_open(engine: Engine) -> Iterator[Engine]:
    """Yield an engine that stays open unless its use raises: then it is closed, because nothing else would."""
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def open_database(settings: Settings) -> Engine:
    """Open the database of this installation.

    Raises:
        StoreNotUsable: There is none, or it does not answer.
        StoreVersionMismatch: It was made by another version.
    """
    assert_not_restoring(settings)
    url = settings.database_url.reveal()
    if sqlite_file_missing(url):
        assert_not_gone(settings)
        raise StoreNotUsable(
            f"there is no installation here: {url.removeprefix('sqlite:///')} does not exist",
            "Make one with 'engage init', or name its settings file: --config FILE.",
        )
    with kept_open(open_engine(url)) as engine:
        if not schema.is_sealed(engine):  # an empty file, such as a program makes that opens one which is gone
            assert_not_gone(settings)
        schema.assert_current(engine)
        return engine


def read_sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    """Return a sealer with the key-encryption key, from the environment or its file.

    Raises:
        SettingsInvalid: There is no key, or the text is not a key. Or the environment and the file hold different ones.
    """
    from_environment = environment.get(KEK_VARIABLE)
    if from_environment is not None:
        if KEK_VARIABLE + FILE_SUFFIX in environment:  # a file that nobody named may be left over
            _assert_no_other(KEK_VARIABLE, from_environment, settings.key_encryption_key_file)
        return Sealer.from_text(from_environment.encode(), KEK_VARIABLE)
    path = settings.key_encryption_key_file
    if not path.exists():
        raise SettingsInvalid(
            f"the key-encryption key {path} is missing",
            "Restore it from its backup: nothing else opens the sealed site keys and private keys.",
        )
    return Sealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path))


def ensured_sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    """Return a sealer with the key-encryption key. If there is neither a key nor a database yet, make a key.

    Raises:
        SettingsInvalid: There is no key, but there is a database.
        FileNotUsable: The key cannot be written.
    """
    path = settings.key_encryption_key_file
    if KEK_VARIABLE not in environment and not path.exists():
        _assert_no_database(settings)
        make_folder(path.parent)
        with suppress(Conflict):  # another process made it just now: use that one
            write_new_file(path, new_key_encryption_key(), SECRET_MODE)
    return read_sealer(settings, environment)


def given_release_key(settings: Settings, environment: Mapping[str, str]) -> ReleaseSealer | None:
    """Return a sealer with the release key that this process was given. None if it was given none.

    Raises:
        SettingsInvalid: What it was given is not a release key, or is two different ones.
        FileNotUsable: The file cannot be read.
    """
    from_environment, path = environment.get(RELEASE_KEY_VARIABLE), settings.release_key_file
    if from_environment is not None:
        _assert_no_other(RELEASE_KEY_VARIABLE, from_environment, path)
        return ReleaseSealer.from_text(from_environment.encode(), RELEASE_KEY_VARIABLE)
    return ReleaseSealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path)) if path else None


def derived_release_key(settings: Settings, environment: Mapping[str, str]) -> Secret:
    """Derive the release key from the key-encryption key, after checking that key against the database.

    From then on, this process has the key-encryption key in memory. Never call it in one that is forked into workers.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        StoreVersionMismatch: It was made by another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: It is not the key of this database.
    """
    engine = open_database(settings)
    try:
        sealer = read_sealer(settings, environment)
        schema.assert_seal(engine, sealer)
    finally:
        engine.dispose()
    return sealer.release_key


def _assert_no_other(variable: str, value: str, path: Path | None) -> None:
    """Hold the key of the environment against a file. One that is gone, or that this process may not read, is none."""
    with suppress(FileNotUsable):
        if path is not None:
            assert_one_secret(variable, value.encode(), path, read_file(path, limit=_MAX_KEY_FILE_BYTES))


def _assert_no_database(settings: Settings) -> None:
    """Refuse a new key beside an existing database: it could open nothing there, and would hide the lost key."""
    url = settings.database_url.reveal()
    if sqlite_file_missing(url):
        return
    engine = open_engine(url)
    try:
        is_sealed = schema.is_sealed(engine)
    finally:
        engine.dispose()
    if is_sealed:
        raise SettingsInvalid(
            f"the key-encryption key {settings.key_encryption_key_file} is missing, but its database exists",
            "Restore the key from its backup. To start over instead, use another database.",
        )
