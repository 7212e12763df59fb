"""What operators ask about the paths to their sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engage_server.records import CutPath, LinkStanding, StoredPathEvent
from engage_server.services.site_path.cuts import cut_path
from engage_server.services.site_path.standing import SitePath, link_path, site_path
from engage_server.store.interface import PathStore, SiteStore


class PathsStore(PathStore, SiteStore, Protocol):
    """The part of the store that the paths need."""


@dataclass(frozen=True, slots=True)
class LinkReport:
    """One link at a moment.

    Attributes:
        standing: What all of its events say.
        path: What follows from it.
    """

    standing: LinkStanding
    path: SitePath


class SitePaths:
    """Reads the paths to sites.

    Args:
        store: The store.
    """

    def __init__(self, store: PathsStore) -> None:
        self._store = store

    def of_all(self, now: datetime) -> dict[str, SitePath]:
        """Return the path to each site that has a link, and to each other site that exists."""
        by_site: dict[str, list[LinkStanding]] = {site.name: [] for site in self._store.sites()}
        for standing in self._store.link_standings():
            by_site.setdefault(standing.site, []).append(standing)
        return {site: site_path(standings, now) for site, standings in by_site.items()}

    def of(self, site: str, now: datetime) -> SitePath:
        """Return the path to one site.

        Raises:
            NotFound: There is no such site.
        """
        return site_path(self._store.link_standings(self._store.site(site).name), now)

    def cut(self, site: str, now: datetime) -> CutPath | None:
        """Return the last cut of the path to a site, with its words. None: it was never cut, or has no link."""
        return cut_path(self._store.link_standings(site), site, now)

    def links(self, now: datetime, site: str | None = None) -> list[LinkReport]:
        """Return each link that was ever registered or reported, and not removed since, by its name."""
        standings = [each for each in self._store.link_standings(site) if not each.is_removed]
        return [LinkReport(each, link_path(each, now)) for each in standings]

    def polls(self) -> dict[str, str]:
        """Return what polls of accounts remember, by the account's name, where they use the database."""
        return {each.account: each.memory for each in self._store.sim_polls()}

    def events(
        self, *, site: str | None = None, link: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[StoredPathEvent]:
        """Return the newest events, newest first.

        Raises:
            NotFound: There is no such site.
        """
        if site is not None:
            self._store.site(site)
        return self._store.path_events(site, link, since, limit)
