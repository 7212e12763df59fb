"""The copies of all sites whose files are shared: a fault of one stops no other one."""

from collections.abc import Callable, Sequence

from engage_server.errors import EngageError
from engage_server.services.shared_files.copy import SharedCopy
from engage_server.store.interface.shared_files import SharedFileStore

_TOLD_KEPT = 1000


class SharedCopies:
    """The copies of all sites.

    Args:
        store: The database.
        copy: Copies one site.
        sites: Gives the names of the sites whose files are shared now.
        tell: Called with a site, a device and a sentence that operators should read.
    """

    def __init__(
        self,
        store: SharedFileStore,
        copy: SharedCopy,
        sites: Callable[[], Sequence[str]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._copy = copy
        self._sites = sites
        self._tell = tell
        self._told: set[tuple[str, str, str]] = set()

    def run(self) -> None:
        """Copy what changed, of each site. A fault of one site does not stop the others.

        Raises:
            EngageError: The first fault.
        """
        wanted = self._sites()
        if not wanted:
            return
        standings, first = self._store.shared_standings(), None
        for site in wanted:
            if (standing := standings.get(site)) is None:
                continue
            try:
                self._tell_once(site, self._copy.follow(site, standing).faults)
            except EngageError as error:
                first = first or error
        if first is not None:
            raise first

    def _tell_once(self, site: str, faults: Sequence[tuple[str, str]]) -> None:
        now = {(site, serial, fault) for serial, fault in faults}
        for each in sorted(now - self._told):
            self._tell(*each)
        if len(self._told) > _TOLD_KEPT:
            self._told.clear()
        self._told |= now
