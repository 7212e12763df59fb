"""Opens an installation: its database, and its keys from files, from the environment, or derived from one another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import Engine

from engage_server.composition.keys.source import (
    MAX_KEY_FILE_BYTES,
    GivenKey,
    SourceKind,
    assert_no_other_file,
    read_key,
    source_of,
)
from engage_server.composition.remains import assert_not_gone, assert_not_restoring
from engage_server.errors import Conflict, SettingsInvalid, StoreNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_file_missing
from engage_server.store.database.same_installation import keep_to_installation
from engage_server.store.sealing import ReleaseSealer, Sealer, new_key_encryption_key
from engage_server.variables import RELEASE_KEY_VARIABLE

__all__ = [
    "ReleaseSealer",
    "ensured_key",
    "given_release_key",
    "kept_open",
    "open_database",
    "open_sealer",
]


@contextmanager
def kept_open(engine: Engine) -> Iterator[Engine]:
    """Yield an engine that stays open unless its use raises: then it is closed, because nothing else would."""
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def open_database(settings: Settings) -> Engine:
    """Open the database of this installation. Once it is another one's, each use raises StoreNotUsable.

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
        keep_to_installation(engine)
        return engine


def open_sealer(engine: Engine, settings: Settings, environment: Mapping[str, str]) -> Sealer:
    """Open the installation key of a database with the key-encryption key that this process is given.

    Raises:
        SettingsInvalid: There is no key, or the text is not a key. Or two sources hold different ones.
        NotPossible: The command that prints the key fails.
        SealBroken: It is not the key of this database.
    """
    return schema.opened_sealer(engine, read_key(settings, environment).key)


def assert_key_not_lost(settings: Settings, environment: Mapping[str, str]) -> None:
    """Refuse to make a key beside a database: it could open nothing there, and would hide the lost key.

    Raises:
        SettingsInvalid: There is no key, but there is a database.
    """
    path = settings.key_encryption_key_file
    if source_of(settings, environment).kind is SourceKind.FILE and not path.exists():
        _assert_no_database(settings)


def ensured_key(settings: Settings, environment: Mapping[str, str]) -> GivenKey:
    """Return the key-encryption key. If there is neither a key nor a database yet, make a key.

    Raises:
        SettingsInvalid: There is no key, but there is a database.
        FileNotUsable: The key cannot be written.
    """
    path = settings.key_encryption_key_file
    assert_key_not_lost(settings, environment)  # also here: another host may have made a database since
    if source_of(settings, environment).kind is SourceKind.FILE and not path.exists():
        make_folder(path.parent)
        with suppress(Conflict):  # another process made it just now: use that one
            write_new_file(path, new_key_encryption_key(), SECRET_MODE)
    return read_key(settings, environment)


def given_release_key(settings: Settings, environment: Mapping[str, str]) -> ReleaseSealer | None:
    """Return a sealer with the release key that this process was given. None if it was given none.

    Raises:
        SettingsInvalid: What it was given is not a release key, or is two different ones.
        FileNotUsable: The file cannot be read.
    """
    from_environment, path = environment.get(RELEASE_KEY_VARIABLE), settings.release_key_file
    if from_environment is not None:
        assert_no_other_file(RELEASE_KEY_VARIABLE, from_environment.encode(), path)
        return ReleaseSealer.from_text(from_environment.encode(), RELEASE_KEY_VARIABLE)
    return ReleaseSealer.from_text(read_file(path, limit=MAX_KEY_FILE_BYTES), str(path)) if path else None


def _assert_no_database(settings: Settings) -> None:
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
            "On a further host, copy engage.kek from the first one. On the only host, restore it from its backup. To "
            "start over instead, use another database.",
        )
