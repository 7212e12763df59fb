"""The copies of all sites on this host, and how old they are."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from engage_server.errors import EngageError
from engage_server.services.shared_files.copy import SharedCopy
from engage_server.store.interface.shared_files import SharedFileStore, SharedStanding

_TOLD_KEPT = 1000
_CHECK_EVERY = timedelta(seconds=10)  # a page each time


class SharedCopies:
    """The copies of all sites.

    Args:
        store: The database.
        copy: Copies one site.
        sites: Gives the names of all sites, and whether their files are shared now.
        tell: Called with a site, a device and a sentence that operators should read.

    Attributes:
        behind: Since when the copy of a site lacks a change. Sites whose copy has all are not in it.
    """

    def __init__(
        self,
        store: SharedFileStore,
        copy: SharedCopy,
        sites: Callable[[], Mapping[str, bool]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._copy = copy
        self._sites = sites
        self._tell = tell
        self._told: set[tuple[str, str, str]] = set()
        self._check_at: datetime | None = None
        self.behind: Mapping[str, datetime] = {}

    def run(self, now: datetime) -> None:
        """Copy what changed, of each site. A fault of one site does not stop the others.

        Args:
            now: The time, timezone-aware.

        Raises:
            EngageError: The first fault.
        """
        sites = self._sites()
        wanted = [site for site, is_wanted in sites.items() if is_wanted]
        for site in sites.keys() - wanted:
            self._copy.end(site)
        self.behind = {site: since for site, since in self.behind.items() if site in wanted}
        if not wanted:
            return
        standings, first = self._store.shared_standings(), None
        for site in wanted:
            if (standing := standings.get(site)) is None:
                continue
            try:
                self._follow(site, standing, now)
            except EngageError as error:
                first = first or error
        if self._check_at is None or now >= self._check_at:
            self._check_at = now + _CHECK_EVERY
            for site in wanted:
                self._tell_once(site, self._copy.check(site).faults)
        if first is not None:
            raise first

    def _follow(self, site: str, standing: SharedStanding, now: datetime) -> None:
        if not self._copy.has_all(site, standing):
            self.behind = {site: now, **self.behind}  # the one that it is behind since
        self._tell_once(site, self._copy.follow(site, standing).faults)
        if self._copy.has_all(site, standing):
            self.behind = {each: since for each, since in self.behind.items() if each != site}

    def _tell_once(self, site: str, faults: Sequence[tuple[str, str]]) -> None:
        now = {(site, serial, fault) for serial, fault in faults}
        for each in sorted(now - self._told):
            self._tell(*each)
        if len(self._told) > _TOLD_KEPT:
            self._told.clear()
        self._told |= now
