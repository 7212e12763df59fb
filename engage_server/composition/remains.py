"""What is left of an installation whose database is missing.

A new database beside them would hide the loss: its sites get fresh keys, and every door refuses what they serve. So
``engage init`` stops there, unless it is told that a new installation is wanted.
"""

from collections.abc import Iterator
from pathlib import Path

from engage_server.errors import Conflict
from engage_server.protocol.serial_number import decode_serial
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database.engine import open_engine, sqlite_file_missing, sqlite_path

BEGUN = ".init.begun"  # in the folder of data, from the first file of an installation until its database is there
_SPOOLED = ("*.sightings", "upstream/*/*/*")


def begin(settings: Settings) -> Path:
    """Where it stands that an installation is being made: what lies there then is no loss."""
    return settings.data_dir / BEGUN


def remains(settings: Settings) -> list[str]:
    """What is left of an installation that has no database any more; empty where there is one, or never was any."""
    found = list(_found(settings))
    # in this order: while it was looked, another run may have come to its end, which has a database then
    is_lost = bool(found) and not begin(settings).exists() and _is_database_missing(settings)
    return found if is_lost else []


def assert_not_lost(settings: Settings, *, early: bool = False) -> None:
    """Refuse to make a new database where one was lost.

    Args:
        settings: The settings.
        early: Asked before another run is waited for: of a database that another machine may be making just now nothing
            can be said yet.

    Raises:
        Conflict: Something of an earlier installation is left.
    """
    if early and sqlite_path(settings.database_url.reveal()) is None:
        return
    found = remains(settings)
    if found:
        raise Conflict(
            f"this looks like an installation whose database is lost: {shown_database(settings)} does not exist, but "
            f"{' and '.join(found)}",
            "Restore the database from its backup. To begin anew all the same, with new site keys that no door has "
            "yet: engage init --new",
            code="installation.lost",
        )


def shown_database(settings: Settings) -> str:
    """The database for a sentence: a file by its path, another one without its password."""
    url = settings.database_url.reveal()
    return url.removeprefix("sqlite:///") if url.startswith("sqlite:") else "the installation in the database"


def _is_database_missing(settings: Settings) -> bool:
    """Also where it is empty: whoever opens a SQLite file that is gone makes it anew."""
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
        yield f"the key {settings.key_encryption_key_file} is there"
    for folder in _folders(settings.data_dir):
        if any(decode_serial(each.name) == each.name for each in _folders(folder)):
            yield f"{folder} holds devices' files"
            break
    if any(any(settings.spool_dir.glob(pattern)) for pattern in _SPOOLED):
        yield f"{settings.spool_dir} holds what devices did"


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir())
    except OSError:
        return []
