"""The names in an installation's database, for shell completion. It opens no sealed value, so it reads no key."""

from collections.abc import Iterator
from contextlib import contextmanager

from engage_server.composition.opening import open_database
from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore


class Names:
    """The names that an operator may type.

    Args:
        store: The installation's store.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def sites(self) -> list[str]:
        """Return every site."""
        return [site.name for site in self._store.sites()]

    def releases(self, site: str | None) -> list[int]:
        """Return the releases of a site, or of the default site, newest first."""
        name = site or next((each.name for each in self._store.sites() if each.is_default), "")
        return sorted((each.number for each in self._store.releases(name)), reverse=True)

    def devices(self, beginning: str, site: str | None, limit: int) -> list[str]:
        """Return serial numbers and addresses of devices that begin with a text."""
        return list(self._store.known_devices(beginning, site, limit))


@contextmanager
def open_names(settings: Settings) -> Iterator[Names]:
    """Open the names of an existing installation.

    Args:
        settings: The settings.

    Raises:
        EngageError: There is no database, or it does not answer.
    """
    store = SqlStore(open_database(settings), None)
    try:
        yield Names(store)
    finally:
        store.close()
