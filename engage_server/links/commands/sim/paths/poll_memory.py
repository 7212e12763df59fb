"""Where polls of this host, or of this database, remember what they said."""

from collections.abc import Iterator, Mapping

from engage_server.links.sim.polling.database_turns import DatabaseTurns
from engage_server.links.sim.polling.host_turns import HostTurns
from engage_server.links.sim.polling.said_elsewhere import NoJournal, remember_said
from engage_server.links.sim.polling.turns import Turns
from engage_server.records import PathSays
from engage_server.settings import Settings


def let_polls_know(settings: Settings, account: str, said: Mapping[str, PathSays]) -> bool:
    """Let the polls know what a command said of links.

    Without ``links_database_url``, a poll on another host does not learn it.

    Returns:
        False if a round lasted all the while.

    Raises:
        EngageError: What they remember cannot be read or written.
    """
    return not said or all(remember_said(turns, account, said) for turns in _turns(settings))


def _turns(settings: Settings) -> Iterator[Turns]:
    if settings.links_database_url is None:
        if settings.links_dir.is_dir():
            yield HostTurns(settings.links_dir, NoJournal())
        return
    from engage_server.composition.links.store import open_ingress_store

    store = open_ingress_store(settings)
    if store is not None:
        try:
            yield DatabaseTurns(store)
        finally:
            store.close()
