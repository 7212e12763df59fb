"""The part of the store that answers with pages."""

from collections.abc import Sequence

from sqlalchemy import Engine

from engage_server.records import AuditEntry, AuditFilter, DeviceHistory, Page, Release, Rotation, Sighting, Site
from engage_server.store.database.engine import LONG_SECONDS, reading
from engage_server.store.evidence import adoption_kinds
from engage_server.store.interface import DeviceFilter, RiskFilter
from engage_server.store.interface.pages import MOST_IN_A_PAGE, Home, KnownDevice, SilentOrder
from engage_server.store.paging import audit_pages, device_pages, judged_doors, other_pages, search_pages, silent_order
from engage_server.store.queries.site_queries import site_id


class SqlPages:
    """Implements :class:`engage_server.store.interface.PageStore`, whose docstrings apply."""

    _engine: Engine

    def device_page(
        self, site: str, wanted: DeviceFilter, cursor: str | None, limit: int, *, beyond: str = ""
    ) -> Page[KnownDevice]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            if wanted.search:
                return search_pages.select_page(connection, site, wanted, cursor, limit)
            return device_pages.select_page(connection, site, wanted, cursor, limit, beyond)

    def silent_order(self, site: str, wanted: DeviceFilter) -> SilentOrder:
        with reading(self._engine, LONG_SECONDS) as connection:
            site_id(connection, site)
            return silent_order.select_order(connection, site, wanted)

    def devices_of_rows(self, rows: Sequence[int], release: int | None) -> Sequence[DeviceHistory]:
        with reading(self._engine) as connection:
            return silent_order.select_rows(connection, rows, release)

    def doors_to_judge(self, site: str, wanted: RiskFilter, limit: int) -> Sequence[DeviceHistory]:
        with reading(self._engine, LONG_SECONDS) as connection:
            return judged_doors.select_to_judge(connection, site, wanted, limit)

    def listed_among(self, site: str, identities: Sequence[str]) -> frozenset[str]:
        with reading(self._engine) as connection:
            return device_pages.select_listed(connection, site_id(connection, site), identities)

    def has_list(self, site: str) -> bool:
        with reading(self._engine) as connection:
            return adoption_kinds.has_list(connection, site)

    def sighting_page(
        self, serial: str, site: str | None, cursor: str | None, limit: int, *, home: Home | None = None
    ) -> Page[Sighting]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            return other_pages.select_sightings(connection, serial, site, cursor, limit, home)

    def audit_page(
        self, wanted: AuditFilter, cursor: str | None, limit: int, *, oldest_first: bool = False
    ) -> Page[AuditEntry]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            return audit_pages.select_page(connection, wanted, cursor, limit, oldest_first=oldest_first)

    def release_page(self, site: str, cursor: str | None, limit: int) -> Page[Release]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            return other_pages.select_releases(connection, site, cursor, limit)

    def rotation_page(self, site: str, cursor: str | None, limit: int) -> Page[Rotation]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            return other_pages.select_rotations(connection, site, cursor, limit)

    def site_page(self, cursor: str | None, limit: int) -> Page[Site]:
        _assert_limit(limit)
        with reading(self._engine) as connection:
            return other_pages.select_sites(connection, cursor, limit)


def _assert_limit(limit: int) -> None:
    """Callers check what their users ask for. A larger page would be what pages are there to prevent."""
    if not 1 <= limit <= MOST_IN_A_PAGE:
        raise ValueError(f"a page has 1 to {MOST_IN_A_PAGE} items, not {limit}")
