"""Reports what the key source of a running operators' instance gives: a change of the key waits for that."""

import socket
from collections.abc import Callable, Mapping
from time import monotonic

from sqlalchemy import Engine

from engage_server.composition.keys.source import SourceKind, read_key, source_of
from engage_server.errors import EngageError, StoreNotUsable
from engage_server.records import KeyHolder, KeyRotation
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.sql_store import SqlStore

SELDOM_SECONDS = 600.0  # while the key is not being changed: a fault of the source is found before the next start
_COMMAND_SECONDS = 15.0  # while it is being changed: a command may call another host


class KeyWatch:
    """Reads the source, and reports it. Seldom, unless the key is being changed.

    Args:
        engine: The database.
        settings: The settings.
        environment: Of this process.
        clock: Returns seconds that only grow.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        environment: Mapping[str, str],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._engine = engine
        self._store = SqlStore(engine, None)
        self._settings, self._environment, self._clock = settings, environment, clock
        self._holder: KeyHolder | None = None
        self._error: EngageError | None = None
        self._read_at = 0.0

    def look(self) -> None:
        """Report that this instance is alive, and what its source gives if it is time to read it.

        Raises:
            EngageError: The source gives no key of this installation. That is reported, too.
        """
        rotation = self._store.key_rotation()
        if self._holder is None or self._clock() - self._read_at >= self._pause(self._holder, rotation):
            self._holder, self._error = holder_here(self._engine, self._settings, self._environment)
            self._read_at = self._clock()
            self._store.report_key(self._holder)
        else:
            self._store.report_key(self._holder, is_new=False)
        if self._error is not None:
            raise self._error

    def _pause(self, holder: KeyHolder, rotation: KeyRotation | None) -> float:
        if not holder.trouble and (rotation is None or holder.key_id == rotation.new):
            return SELDOM_SECONDS
        is_command = source_of(self._settings, self._environment).kind is SourceKind.COMMAND
        return _COMMAND_SECONDS if is_command else 0.0


def holder_here(
    engine: Engine, settings: Settings, environment: Mapping[str, str], place: str = ""
) -> tuple[KeyHolder, EngageError | None]:
    """Read the source of this process, and try the key.

    Args:
        engine: The database.
        settings: The settings.
        environment: Of this process.
        place: What stands before the data folder in the holder's place.

    Returns:
        What is reported of it, and why the key does not open the installation key.

    Raises:
        StoreNotUsable: The database does not answer, so nothing is known of the key.
    """
    host, where = socket.gethostname(), f"{place}{settings.data_dir}"
    source, key_id = str(source_of(settings, environment)), ""
    try:
        key = read_key(settings, environment).key
        key_id = key.key_id
        schema.opened_sealer(engine, key)
    except StoreNotUsable:  # that says nothing of the source
        raise
    except EngageError as error:
        return KeyHolder(host, where, key_id, source, error.sentence), error
    return KeyHolder(host, where, key_id, source), None
