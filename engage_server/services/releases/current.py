"""Which release each site serves: for those who ask for nothing more, and need no certificate for it."""

from engage_server.records import ReleaseState
from engage_server.store.interface import ReleaseStore


class CurrentReleases:
    """The numbers of the current releases.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store

    def numbers(self) -> dict[str, int]:
        """By the site's name; a site that serves nothing yet is missing."""
        return {each.site: each.number for each in self._store.releases() if each.state is ReleaseState.CURRENT}
