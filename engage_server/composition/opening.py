"""Opens an installation: its database, and the keys, from files, the environment, and one key from the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import Engine

from engage_server.composition.remains import remains, shown_database
from engage_server.errors import Conflict, SettingsInvalid, StoreNotUsable
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.records import Secret
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_file_missing
from engage_server.store.sealing import ReleaseSealer, Sealer, new_key_encryption_key
from engage_server.variables import KEK_VARIABLE, RELEASE_KEY_VARIABLE

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
    """An engine that stays open unless what is done with it fails: nobody would give its connections back."""
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise


def open_database(settings: Settings) -> Engine:
    """The database of this installation.

    Raises:
        StoreNotUsable: There is none, or it does not answer.
        StoreVersionMismatch: It is of another version.
    """
    url = settings.database_url.reveal()
    if sqlite_file_missing(url):
        left = remains(settings)
        if left:
            raise StoreNotUsable(
                f"the database is lost: {shown_database(settings)} does not exist, but {' and '.join(left)}",
                "Restore it from its backup.",
                code="store.lost",
            )
        raise StoreNotUsable(
            f"there is no installation here: {url.removeprefix('sqlite:///')} does not exist",
            "Make one with 'engage init', or name its settings file: --config FILE.",
        )
    with kept_open(open_engine(url)) as engine:
        schema.assert_current(engine)
        return engine


def read_sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    """With the key-encryption key, from the environment or its file.

    Raises:
        SettingsInvalid: There is none, or it is none.
    """
    from_environment = environment.get(KEK_VARIABLE)
    if from_environment is not None:
        return Sealer.from_text(from_environment.encode(), KEK_VARIABLE)
    path = settings.key_encryption_key_file
    if not path.exists():
        raise SettingsInvalid(
            f"the key-encryption key {path} is missing",
            "Restore it from its backup: nothing else opens the sealed site keys and private keys.",
        )
    return Sealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path))


def ensured_sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    """With the key-encryption key; a fresh one is made where there is neither a key nor a database yet.

    Raises:
        SettingsInvalid: There is none, but a database.
        FileNotUsable: It cannot be written.
    """
    path = settings.key_encryption_key_file
    if KEK_VARIABLE not in environment and not path.exists():
        _assert_no_database(settings)
        make_folder(path.parent)
        with suppress(Conflict):  # made by someone else just now: use theirs
            write_new_file(path, new_key_encryption_key(), SECRET_MODE)
    return read_sealer(settings, environment)


def given_release_key(settings: Settings, environment: Mapping[str, str]) -> ReleaseSealer | None:
    """With the release key that this process was given itself; None when it was given none.

    Raises:
        SettingsInvalid: What was given is none.
        FileNotUsable: The file cannot be read.
    """
    from_environment = environment.get(RELEASE_KEY_VARIABLE)
    if from_environment is not None:
        return ReleaseSealer.from_text(from_environment.encode(), RELEASE_KEY_VARIABLE)
    path = settings.release_key_file
    return ReleaseSealer.from_text(read_file(path, limit=_MAX_KEY_FILE_BYTES), str(path)) if path else None


def derived_release_key(settings: Settings, environment: Mapping[str, str]) -> Secret:
    """The release key, made from the key-encryption key after that was held against the database.

    Whoever calls this has the key-encryption key in memory from then on: never a process that is forked into workers.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        StoreVersionMismatch: It is of another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: It is not the one of this database.
    """
    engine = open_database(settings)
    try:
        sealer = read_sealer(settings, environment)
        schema.assert_seal(engine, sealer)
    finally:
        engine.dispose()
    return sealer.release_key


def _assert_no_database(settings: Settings) -> None:
    """A fresh key beside an existing database could open nothing in it, and would hide that the old one is lost."""
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
            f"the key-encryption key {settings.key_encryption_key_file} is missing, but its database is there",
            "Restore the key from its backup. To begin anew instead, use another database.",
        )
