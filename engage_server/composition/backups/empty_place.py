"""Decides whether a place is empty enough to restore a backup into it."""

import os
from pathlib import Path

from engage_server.composition.remains import device_remains
from engage_server.errors import Conflict, NotPossible
from engage_server.services.evidence.spool import READER_LOCK, claim
from engage_server.settings import Settings
from engage_server.store.copying.filling import assert_empty
from engage_server.store.database.engine import open_engine, sqlite_path
from engage_server.store.database.new_file import assert_no_file


def assert_empty_place(settings: Settings, *, only_database: bool) -> None:
    """Refuse a place where something would be mixed with what a backup holds.

    The key file may be there, and the settings and chains: they are not replaced. Servers of this host must not run:
    they would use the restored database before anybody has looked at it.

    Args:
        settings: The settings of the place.
        only_database: Whether the files of devices stay as they are, so that they may be there.

    Raises:
        Conflict: There is a database, or there are files of devices. Or the servers of this host run.
        StoreNotUsable: The database does not answer.
    """
    url = settings.database_url.reveal()
    if (path := sqlite_path(url)) is not None:
        assert_no_file(path)
    else:
        engine = open_engine(url)
        try:
            assert_empty(engine)
        finally:
            engine.dispose()
    _assert_stopped(settings.spool_dir)
    if not only_database and (found := next(device_remains(settings), None)):
        raise Conflict(
            f"{found}: a backup is restored into an empty place only",
            f"Move {settings.data_dir} to another place. If only the database was lost, restore only that: "
            "--only-database. Nothing was changed.",
            code="restore.not_empty",
        )


def _assert_stopped(spool: Path) -> None:
    """The operators' instance of this host holds the spool as long as it runs."""
    if not (spool / READER_LOCK).exists():  # nothing is made here before the place is known to be empty
        return
    try:
        os.close(claim(spool))
    except NotPossible as error:
        if not isinstance(error.__context__, BlockingIOError):  # it cannot be written, which is another matter
            raise
        raise Conflict(
            f"the servers of this host run: one of them uses {spool}",
            "Stop them: systemctl stop 'engage-server-*', or end 'engage serve'. Then restore. Nothing was changed.",
            code="store.in_use",
        ) from None
