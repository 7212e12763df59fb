"""This host's copy of what devices are answered, and the start from it while the database is away.

Without it, a host that loses its power while the database cannot be reached would serve nobody until it can. With it,
that host goes on as one does that was running: with what it had, until its first look at the database.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from sqlalchemy import Engine

from engage_server.composition.opening import kept_open, open_database
from engage_server.errors import EngageError, FileNotUsable, NotPossible, SealBroken, StoreNotUsable
from engage_server.file_locks import locked
from engage_server.files import RESTORE
from engage_server.files.failures import explained
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.copying.served import ServedMark, mark_of, mark_of_copy, open_copy, write_copy
from engage_server.store.database.engine import open_engine, sqlite_path
from engage_server.store.database.same_installation import installation_of, keep_to_installation

_AWAY_SECONDS = 15.0  # two servers with five seconds each, and some for their names
_VERIFIED_SECONDS = 3600.0
_PART_OF_TIME = 20  # writing takes at most this part of a processor's time: a site may have a million devices


@dataclass(frozen=True, slots=True)
class ServedCopy:
    """A copy, opened for reading.

    Attributes:
        engine: The copy.
        right_at: When it last had what the database had.
        why: What the database said.
    """

    engine: Engine
    right_at: datetime
    why: StoreNotUsable


@dataclass(frozen=True, slots=True)
class StartingStore:
    """What a process reads when it starts.

    Attributes:
        database: The database. If there is a copy, it was not reached yet.
        copy: None: the database answers.
    """

    database: Engine
    copy: ServedCopy | None

    @property
    def first(self) -> Engine:
        """What answers now."""
        return self.database if self.copy is None else self.copy.engine

    @contextmanager
    def opening_seals(self) -> Iterator[None]:
        """Say, while the database is away, that a key may be right and does not fit the copy.

        Raises:
            SealBroken: What is read now was sealed with another key.
        """
        try:
            yield
        except SealBroken as error:
            if self.copy is None:
                raise
            raise SealBroken(
                f"{self.copy.why.sentence}. This host's copy, which was right at {shown(self.copy.right_at)}, cannot "
                f"replace it: {error.sentence}",
                "Make the database answer. If the key was changed since then, the former one opens the copy, too.",
            ) from None

    def installation(self) -> bytes | None:
        """Whose it is: see :func:`.same_installation.installation_of`.

        Raises:
            StoreNotUsable: The database does not answer any more.
        """
        return installation_of(self.database) if self.copy is None else mark_of(self.copy.engine).seal_probe


def shown(moment: datetime) -> str:
    """A time as messages about the copy show it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def away_at_start(settings: Settings) -> StoreNotUsable | None:
    """Try the database once for all processes of a pair, for a limited time. None: it answers.

    Without a server for names, a single try may take a minute, and there is no limit for that. Call this only where no
    process is forked later: a thread may go on.

    Raises:
        StoreNotUsable: It does not answer, and this host has no copy.
    """
    if not keeps_copy(settings) or not settings.served_copy.exists():
        return None
    found: list[EngageError | None] = []

    def attempt() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for the main thread
        try:
            open_database(settings).dispose()
            found.append(None)
        except EngageError as error:
            found.append(error)

    thread = threading.Thread(target=attempt, name="first-look", daemon=True)
    thread.start()
    thread.join(_AWAY_SECONDS)
    if not found:
        return did_not_answer()
    return found[0] if _is_away(found[0]) else None


def did_not_answer() -> StoreNotUsable:
    """What each instance of a pair says that did not try for itself."""
    return StoreNotUsable(f"the database did not answer within {_AWAY_SECONDS:g} s", "Check that it runs.")


def _is_away(error: EngageError | None) -> TypeGuard[StoreNotUsable]:
    return isinstance(error, StoreNotUsable) and error.code == StoreNotUsable.default_code


@contextmanager
def open_to_start(settings: Settings, away: StoreNotUsable | None = None) -> Iterator[StartingStore]:
    """Open the database. If it does not answer, open this host's copy as well.

    The copy is closed at the end, and the database if something raises. Somebody else closes it otherwise.

    Args:
        settings: The settings. If they want no copy, it is removed.
        away: The database is known not to answer: do not try it.

    Raises:
        StoreNotUsable: The database does not answer, and there is no copy that can be used.
        StoreVersionMismatch: The database was made by another version. So it answers.
    """
    _remove_unwanted(settings)
    try:
        if away is not None:
            raise away
        database = open_database(settings)
    except StoreNotUsable as error:
        start = _from_copy(settings, error)
    else:
        start = StartingStore(database, None)
    with kept_open(start.database):
        yield start


@contextmanager
def open_database_to_start(settings: Settings) -> Iterator[StartingStore]:
    """Open the database, and nothing else.

    Raises:
        StoreNotUsable: It does not answer.
        StoreVersionMismatch: It was made by another version.
    """
    _remove_unwanted(settings)
    with kept_open(open_database(settings)) as database:
        yield StartingStore(database, None)


def _remove_unwanted(settings: Settings) -> None:
    """A copy that is not wanted goes before the database answers. :class:`CopyWriter` says if it cannot be removed."""
    if not settings.start_without_database:
        with suppress(OSError):
            remove_copy(settings)


def _from_copy(settings: Settings, error: StoreNotUsable) -> StartingStore:
    if _is_away(error) and not settings.start_without_database:
        raise StoreNotUsable(
            error.sentence, f"{error.next_step} Without it nothing starts: start_without_database is false."
        )
    if not _is_away(error) or not keeps_copy(settings) or not settings.served_copy.exists():
        raise error  # it answers, or nothing can replace it
    try:
        copy = open_copy(settings.served_copy)
        probe = mark_of(copy).seal_probe
    except EngageError as fault:
        raise StoreNotUsable(
            f"{error.sentence}; and the copy {settings.served_copy}: {fault.sentence}", error.next_step
        ) from None
    database = open_engine(settings.database_url.reveal())
    schema.assert_current_when_used(database)
    keep_to_installation(database, probe)
    right_at = datetime.fromtimestamp(settings.served_copy.stat().st_mtime, UTC)
    return StartingStore(database, ServedCopy(copy, right_at, error))


def keeps_copy(settings: Settings) -> bool:
    """Whether this host has a copy: not of a database that is on the same disk."""
    return settings.start_without_database and sqlite_path(settings.database_url.reveal()) is None


def remove_copy(settings: Settings) -> None:
    """Remove the copy before the database gets other content."""
    settings.served_copy.unlink(missing_ok=True)


class CopyWriter:
    """Keeps this host's copy as the database is. One process of a host does it at a time.

    Args:
        database: The database.
        settings: The settings.
    """

    def __init__(self, database: Engine, settings: Settings) -> None:
        self._database = database
        self._is_wanted = keeps_copy(settings)
        self._path = settings.served_copy
        self._written: ServedMark | None = None
        self._verified_at = 0.0
        self._not_before = 0.0

    def keep(self) -> None:
        """Write the copy if something has changed in the database. Remove it if the settings say so.

        Raises:
            StoreNotUsable: The database does not answer, or the copy cannot be written.
            FileNotUsable: The copy cannot be replaced or removed.
        """
        if not self._is_wanted:
            with explained(self._path, "remove it"):
                self._path.unlink(missing_ok=True)
            return
        if time.monotonic() < self._not_before:
            return
        with explained(self._path, "write it"):
            self._keep()

    def _keep(self) -> None:
        if mark_of(self._database) == self._mark_of_file():
            os.utime(self._path)  # it is right now
            return
        if not self._path.parent.is_dir():  # making it again would hide that everything in it is lost
            raise FileNotUsable(f"{self._path.parent}: the folder is gone", RESTORE)
        begun = time.monotonic()
        with ExitStack() as held:
            try:
                held.enter_context(locked(self._path.parent, 0))
            except NotPossible:  # the worker that this one takes over from still writes: look again later
                return
            self._written = write_copy(self._database, self._path)
        self._verified_at = ended = time.monotonic()
        self._not_before = ended + _PART_OF_TIME * (ended - begun)

    def _mark_of_file(self) -> ServedMark | None:
        if not self._path.exists():
            return None
        now = time.monotonic()
        if self._written is None or now - self._verified_at > _VERIFIED_SECONDS:
            self._written, self._verified_at = mark_of_copy(self._path), now
        return self._written
