"""What waits on this host for one site, as pages and commands show it."""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records import Page
from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.waiting.databases import WaitingDatabase, waiting_databases


@dataclass(frozen=True, slots=True)
class WaitingUploads:
    """The uploads of a site on their way to the partner's system, or to the database.

    Attributes:
        waiting: How many wait.
        devices: Of how many devices.
        oldest: When the oldest of them arrived; aware, UTC. None if none waits.
        refused: How many the system refused for good.
    """

    waiting: int
    devices: int
    oldest: datetime | None
    refused: int


class Waiting:
    """Reads what waits on this host.

    Args:
        spool: The uploads.
        folders: The devices' folders.
    """

    def __init__(self, spool: UpstreamSpool, folders: DeviceFolders) -> None:
        self._spool = spool
        self._folders = folders

    def uploads(self, site: str) -> WaitingUploads:
        """Count the uploads of a site. It costs as much as there are."""
        pending = self._spool.every_pending(site)
        firsts = (uploads[0].received() for uploads in pending.values())
        oldest = min((each for each in firsts if each is not None), default=None)
        return WaitingUploads(sum(map(len, pending.values())), len(pending), oldest, self._spool.rejected(site))

    def databases(self, site: str, after: str | None, limit: int) -> Page[WaitingDatabase]:
        """A page of the databases that doors have not fetched: see :func:`.databases.waiting_databases`."""
        return waiting_databases(self._folders, site, after, limit)
