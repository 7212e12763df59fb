"""Turns in PostgreSQL, by the role of the ingress: a lease that one process takes by compare-and-set."""

from collections.abc import Sequence

from engage_server.links.journal.database_desk import storable
from engage_server.links.sim.polling.turns import Look
from engage_server.records import PathEvent
from engage_server.store.interface import IngressTables

LEASE_SECONDS = 120.0  # longer than what is asked of one SIM may take


class DatabaseTurns:
    """Implements :class:`.turns.Turns`.

    Args:
        tables: The database.
        seconds: How long a turn lasts without :meth:`DatabaseTurn.hold`. Another process takes over after that.
    """

    def __init__(self, tables: IngressTables, seconds: float = LEASE_SECONDS) -> None:
        self._tables = tables
        self._seconds = seconds

    def look(self, account: str) -> Look:
        """Return what is known of an account.

        Raises:
            StoreNotUsable: The database does not answer, or its role may not read the table.
        """
        found = self._tables.sim_poll(account)
        return Look(found.version, found.is_held, found.memory)

    def take(self, account: str, look: Look) -> "DatabaseTurn | None":
        """Take a turn.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        if not self._tables.take_sim_poll(account, look.version, self._seconds):
            return None
        return DatabaseTurn(self._tables, account, look, self._seconds)


class DatabaseTurn:
    """A turn. Implements :class:`.turns.Turn`.

    Args:
        tables: The database.
        account: The account.
        look: What was known before it.
        seconds: How long it lasts.
    """

    def __init__(self, tables: IngressTables, account: str, look: Look, seconds: float) -> None:
        self._tables = tables
        self._account = account
        self._version = look.version + 1
        self._memory = look.memory
        self._seconds = seconds
        self._is_over = False

    def hold(self) -> bool:
        """Keep the turn.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        return self._tables.hold_sim_poll(self._account, self._version, self._seconds)

    def end(self, memory: str, events: Sequence[PathEvent]) -> bool:
        """Store events and memory together.

        Raises:
            StoreNotUsable: The database does not answer.
        """
        self._is_over = True
        return self._tables.end_sim_poll(self._account, self._version, memory, [storable(each) for each in events])

    def drop(self) -> None:
        """Give the turn back, with the memory of before.

        Raises:
            StoreNotUsable: The database does not answer. The turn ends by itself.
        """
        if not self._is_over:
            self.end(self._memory, ())
