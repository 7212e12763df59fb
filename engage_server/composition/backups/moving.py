"""Copies the tables of an installation into an empty database: from SQLite to PostgreSQL, and back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, make_url

from engage_server.composition.opening import kept_open, open_database, open_sealer
from engage_server.errors import Conflict, NotPossible, UsageError
from engage_server.records import LIVE_WITHIN, AuditAction, AuditEvent, AuditHead, Occasion
from engage_server.services.backup.creation import head_of
from engage_server.settings import Settings
from engage_server.store.copying.comparing import content_of
from engage_server.store.copying.filling import assert_empty, fill
from engage_server.store.copying.picture import picture_of
from engage_server.store.database.engine import sqlite_path
from engage_server.store.database.new_file import assert_no_file, new_database
from engage_server.store.interface.copying import Picture, TableRows
from engage_server.store.sql_store import SqlStore

_TELL_EVERY = 50_000  # rows
_PASSWORDS = ("password", "sslpassword")


@dataclass(frozen=True, slots=True)
class CopiedStore:
    """What was copied.

    Attributes:
        rows: The number of rows of each table.
        head: The end of the audit log in the copy.
        was_serving: Whether somebody wrote to the database meanwhile. What they wrote is not in the copy.
    """

    rows: Mapping[str, int]
    head: AuditHead
    was_serving: bool


def target_of(url: str, settings: Settings, folder: Path) -> str:
    """Return the URL of the database to fill, with an absolute path.

    Args:
        url: As it was given on the command line.
        settings: The settings, which name another database.
        folder: The current folder.

    Raises:
        UsageError: It holds a password: other users of this machine can read the arguments of a command.
        SettingsInvalid: It is not a URL of a database.
        Conflict: It is the database of this installation.
    """
    path = sqlite_path(url)  # refuses what is no URL
    named = make_url(url)
    if named.password is not None or any(each in named.query for each in _PASSWORDS):
        raise UsageError(
            "--to holds a password, which other users of this machine can read",
            "Leave it out, and name a file with it: PGPASSFILE=FILE (each line host:port:database:user:password).",
        )
    url = url if path is None else f"sqlite:///{folder / path}"
    if url == settings.database_url.reveal():
        raise Conflict("--to names the database of this installation", "Name an empty one.", code="store.not_empty")
    return url


def copy_store(
    settings: Settings,
    environment: Mapping[str, str],
    target: str,
    occasion: Occasion,
    *,
    while_serving: bool,
    tell: Callable[[str, int], None] = lambda table, rows: None,
    told: Callable[[AuditHead], None] = lambda head: None,
) -> CopiedStore:
    """Fill an empty database with the tables of this installation, and compare both.

    Sessions, links to set passwords, failed sign-ins and the rows of workers are not copied.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        target: The URL of the empty database.
        occasion: Who does it, when, and why.
        while_serving: Go on although something serves.
        tell: Called with the table and the number of its rows, from time to time.
        told: Called with the entry of the audit log.

    Raises:
        Conflict: The database is not empty. Or something serves, and ``while_serving`` was not requested.
        NotPossible: A database prevented it, or the copy differs. A SQLite file is then removed.
    """
    with kept_open(open_database(settings)) as source:
        store = SqlStore(source, open_sealer(source, settings, environment), told=told)
        was_serving = _is_serving(store, while_serving=while_serving)
        _assert_empty(target)
        event = AuditEvent(
            occasion.now,
            occasion.actor,
            AuditAction.STORE_COPIED,
            facts={"to": make_url(target).set(query={}).render_as_string(hide_password=True)},
            reason=occasion.reason,
        )
        store.record(event)  # before the picture: so both databases have it, and end with the same entry
        with new_database(target) as engine:
            rows, head = _copied(source, engine, tell)
        store.close()
        return CopiedStore(rows, head, was_serving)


def _is_serving(store: SqlStore, *, while_serving: bool) -> bool:
    alive = store.workers(LIVE_WITHIN)
    if alive and not while_serving:
        hosts = ", ".join(sorted({each.host for each in alive}))
        raise Conflict(
            f"{len(alive)} workers serve from this database, on {hosts}: what they write meanwhile would be missing "
            "in the copy",
            "Stop the servers, wait 12 seconds, and run it again. For a trial, copy while they serve: --while-serving",
            code="store.in_use",
        )
    return bool(alive)


def _assert_empty(target: str) -> None:
    if (path := sqlite_path(target)) is not None:
        assert_no_file(path)
        return
    with new_database(target) as engine:
        assert_empty(engine)


def _copied(source: Engine, target: Engine, tell: Callable[[str, int], None]) -> tuple[Mapping[str, int], AuditHead]:
    with picture_of(source) as picture:
        passing = _Passing(picture, tell)
        fill(target, picture.schema, passing.tables())
    found, head = content_of(target, passing.rows)
    different = next((name for name, count in passing.rows.items() if found[name] != count), None)
    if different is not None or head != passing.head:
        what = f"the table {different}" if different is not None else "the end of the audit log"
        raise NotPossible(f"the copy differs: {what} is another one", "Copy again, into another database.")
    return found, head


class _Passing:
    """What passes from one database to the other."""

    def __init__(self, picture: Picture, tell: Callable[[str, int], None]) -> None:
        self._picture = picture
        self._tell = tell
        self.rows: dict[str, int] = {}
        self.head = AuditHead(0, "")

    def tables(self) -> Iterator[TableRows]:
        for table in self._picture.tables():
            yield TableRows(table, self._watched(table))

    def _watched(self, table: str) -> Iterator[bytes]:
        self.rows[table], line = 0, b""
        for line in self._picture.rows(table):
            self.rows[table] += 1
            if self.rows[table] % _TELL_EVERY == 0:
                self._tell(table, self.rows[table])
            yield line
        if line and table == "audit_events":
            self.head = head_of(line)
