"""Removes uploads that have been in the database for long enough, unless a partner's system still has to read them."""

from datetime import timedelta
from typing import Protocol

from engage_server.services.shared_files.contents import is_shared
from engage_server.store.interface import SharedFileStore, SiteStore

_AT_ONCE = 1000  # in one transaction, which keeps the row of the site


class RetentionStore(SharedFileStore, SiteStore, Protocol):
    """The part of the store that this needs."""


class UploadRetention:
    """Removes them. Each host may do it at any time.

    Args:
        store: Holds the uploads.
        keep: How long they stay. None: for good.
    """

    def __init__(self, store: RetentionStore, keep: timedelta | None) -> None:
        self._store = store
        self._keep = keep

    def run(self) -> int:
        """Remove the old ones of all sites, and return how many.

        Raises:
            StoreNotUsable: The database is away.
        """
        if self._keep is None:
            return 0
        removed = 0
        for site in self._store.sites():
            if is_shared(self._store, site.name):
                while count := self._store.forget_shared_uploads(site.name, self._keep, _AT_ONCE):
                    removed += count
        return removed
