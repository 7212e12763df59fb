"""Finds what is left of an installation whose database is missing.

A new database beside it would hide the loss: its sites get new keys, and every door rejects what they serve. So
``engage init`` stops there, unless the operator asks for a new installation.

Chains alone prove nothing: they can be built before the installation is made. So an installation leaves a trace in
their folder.
"""

from collections.abc import Iterator
from pathlib import Path

from engage_server.errors import Conflict, StoreNotUsable
from engage_server.files import PUBLIC_MODE, make_folder, replace_file
from engage_server.protocol.serial_number import decode_serial
from engage_server.settings import DATABASE_FILE, Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_file_missing, sqlite_path

BEGUN = ".init.begun"  # in the data folder, from the first file of an installation until its database exists
RESTORING = ".restore.begun"  # in the data folder, from the first file that a restore writes until it is complete
_TRACE = ".installation"  # in the folder of chains, since an installation was made with it
_TRACE_TEXT = (
    "An installation of engage-server has used this folder. If its database is missing, it was lost:\n"
    "restore it (engage backup restore FILE). Remove this file only to begin with a new installation.\n"
)
_BACKUPS = "engage-*.tar.gz"
_SPOOLED = ("*.sightings", "*.stored", "upstream/*/*/*")


def begin(settings: Settings) -> Path:
    """Return the file that marks an installation in progress: the files beside it are no lost installation."""
    return settings.data_dir / BEGUN


def restoring(settings: Settings) -> Path:
    """Return the file that marks a restore in progress: what is beside it is not complete."""
    return settings.data_dir / RESTORING


def assert_not_restoring(settings: Settings) -> None:
    """Refuse to use what an interrupted restore left.

    Raises:
        StoreNotUsable: A restore has begun, and has not ended.
    """
    if restoring(settings).exists():
        raise StoreNotUsable(
            f"a restore has begun in {settings.data_dir}, and is not complete",
            "Finish it: run the same 'engage backup restore FILE' again.",
            code="restore.begun",
        )


def leave_trace(settings: Settings) -> None:
    """Let a later ``engage init`` know that there was an installation, even if only its chains are left.

    Raises:
        FileNotUsable: The folder of chains cannot be written.
    """
    trace = settings.certs_dir / _TRACE
    if not trace.exists():
        make_folder(trace.parent)
        replace_file(trace, _TRACE_TEXT.encode(), PUBLIC_MODE)


def backups_found(settings: Settings) -> list[Path]:
    """List the nightly backups on this host, newest first."""
    folder = settings.backup_folder
    try:
        found = [each for each in folder.glob(_BACKUPS) if each.is_file()] if folder is not None else []
        return sorted(found, key=lambda each: each.stat().st_mtime, reverse=True)
    except OSError:
        return []


def remains(settings: Settings) -> list[str]:
    """List what is left of an installation that has lost its database. Empty if it has one, or never had one."""
    found = list(_found(settings))
    # Before the first database is there, nothing serves: what devices left is no part of an interrupted run.
    is_unfinished = begin(settings).exists() and not any(device_remains(settings))
    # In this order: another run may end meanwhile, and then there is a database.
    is_lost = bool(found) and not is_unfinished and _is_database_missing(settings)
    return found if is_lost else []


def assert_not_lost(settings: Settings, *, early: bool = False) -> None:
    """Refuse to make a new database where one was lost.

    Args:
        settings: The settings.
        early: True before this run waits for another one. Nothing is known yet about a database that another machine
            may be making at this moment.

    Raises:
        Conflict: Something of an earlier installation is left.
    """
    if early and sqlite_path(settings.database_url.reveal()) is None:
        return
    if loss := _loss(settings, "this looks like an installation that lost its database", "installation.lost"):
        sentence, next_step, code = loss
        raise Conflict(sentence, next_step, code=code)


def assert_not_gone(settings: Settings) -> None:
    """Refuse a database that is missing or empty where an installation had one.

    Raises:
        StoreNotUsable: It was lost. Or ``database_url`` names another one since.
    """
    if loss := _loss(settings, "the database is lost", "store.lost"):
        sentence, next_step, code = loss
        raise StoreNotUsable(sentence, next_step, code=code)


def _loss(settings: Settings, lost: str, code: str) -> tuple[str, str, str] | None:
    """What is to be said of a missing database: sentence, next step and code. None if there never was one."""
    found = remains(settings)
    other = _other_database(settings) if found else None
    if other is not None:
        return (
            f"database_url names a new database, but this installation is in {other}, and its content is not moved",
            "Set database_url back. To move: export each site key first (engage site export-key). Then: "
            "engage init --new --site NAME --site-key-file FILE",
            "installation.elsewhere",
        )
    if found:
        backup = next(iter(backups_found(settings)), "FILE")
        only = " --only-database" if any(device_remains(settings)) else ""
        return (
            f"{lost}: {_missing_database(settings)}, but {' and '.join(found)}",
            f"Restore it: engage backup restore {backup}{only}. Without a backup, with "
            "the site key that the doors have: engage init --new --site-key-file FILE",
            code,
        )
    return None


def _missing_database(settings: Settings) -> str:
    """Say that the database is missing or empty: a file by its path, any other without its password."""
    url = settings.database_url.reveal()
    path = sqlite_path(url)
    if path is None:
        return "the database is empty"
    return f"{path} {'does not exist' if sqlite_file_missing(url) else 'is empty'}"


def _other_database(settings: Settings) -> Path | None:
    """The SQLite database of this installation, if ``database_url`` names another database since."""
    usual = settings.data_dir / DATABASE_FILE
    now = sqlite_path(settings.database_url.reveal())
    is_other = now is None or now.resolve() != usual.resolve()
    return usual if is_other and usual.is_file() and usual.stat().st_size else None


def _is_database_missing(settings: Settings) -> bool:
    """Whether it is missing or empty: opening a SQLite file that does not exist makes an empty one."""
    url = settings.database_url.reveal()
    if sqlite_file_missing(url):
        return True
    engine = open_engine(url)
    try:
        return not schema.is_sealed(engine)
    finally:
        engine.dispose()


def _found(settings: Settings) -> Iterator[str]:
    if settings.key_encryption_key_file.exists():
        yield f"the key {settings.key_encryption_key_file} exists"
    yield from device_remains(settings)
    if (settings.certs_dir / _TRACE).exists():
        yield f"{settings.certs_dir} has chains of an installation"
    if found := backups_found(settings):
        yield f"{settings.backup_folder} holds backups, the newest of them {found[0].name}"


def device_remains(settings: Settings) -> Iterator[str]:
    """Say what is there of devices: their files, and records of them that are not in a database yet."""
    for folder in _folders(settings.data_dir):
        if any(decode_serial(each.name) == each.name for each in _folders(folder)):
            yield f"{folder} holds devices' files"
            break
    if any(any(settings.spool_dir.glob(pattern)) for pattern in _SPOOLED):
        yield f"{settings.spool_dir} holds records of devices"


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir())
    except OSError:
        return []
