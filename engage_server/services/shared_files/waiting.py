"""What waits for one site, wherever it has its files."""

from typing import Protocol

from engage_server.records import Page
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.device_files.given_database import parsed_given
from engage_server.services.shared_files.contents import is_shared
from engage_server.services.waiting.databases import WaitingDatabase
from engage_server.services.waiting.standing import Waiting
from engage_server.store.interface import SharedFileStore, SiteStore


class WaitingStore(SharedFileStore, SiteStore, Protocol):
    """The part of the store that this needs."""


class EitherWaiting(Waiting):
    """See :class:`engage_server.services.waiting.standing.Waiting`, whose docstrings apply.

    Args:
        spool: The uploads of this host.
        folders: The devices' folders of this host.
        store: Knows where each site has its files.
    """

    def __init__(self, spool: UpstreamSpool, folders: DeviceFolders, store: WaitingStore) -> None:
        super().__init__(spool, folders)
        self._store = store

    def databases(self, site: str, after: str | None, limit: int) -> Page[WaitingDatabase]:
        """A page of the databases that doors have not fetched."""
        if not is_shared(self._store, site):
            return super().databases(site, after, limit)
        found = []
        for head, report in self._store.unfetched_shared_databases(site, after or "", limit + 1):
            given = None if report is None else parsed_given(report.content)
            fetched = "" if given is None else given.version
            found.append(WaitingDatabase(head.serial, head.version, head.put_at, fetched))
        return Page(tuple(found[:limit]), found[limit - 1].serial if len(found) > limit else None)
