"""Long lists, a page at a time. No page costs more than another, and none depends on how long the list is.

Each list has an order that changes of its rows do not touch. So a walk over all pages repeats no row. It skips no row
that was there all the time.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from engage_server.records import (
    NO_LABEL,
    AuditEntry,
    AuditFilter,
    DeviceHistory,
    DeviceLabel,
    Page,
    Release,
    Rotation,
    Sighting,
    Site,
)
from engage_server.store.interface.values import DeviceFilter, RiskFilter

MOST_IN_A_PAGE = 1000


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device of a site that is on its list, or was seen there, or both.

    Attributes:
        identity: Its serial number, or its address.
        history: What is known about it. None if the site never saw it.
        is_listed: Whether it is on the site's list.
        answered_by: The other site that answered it, of a device that this one never saw. "" for none.
        label: What people call it.
    """

    identity: str
    history: DeviceHistory | None
    is_listed: bool
    answered_by: str = ""
    label: DeviceLabel = NO_LABEL


@dataclass(frozen=True, slots=True)
class SilentOrder:
    """All devices of a site at one moment, longest silent first: 16 bytes for each that was never seen, 8 for others.

    Attributes:
        unseen: The serial numbers that were never seen, one after the other, as raw bytes.
        seen: The rows of the others.
    """

    unseen: bytes
    seen: "array[int]"


class Home(NamedTuple):
    """The address of one device alone.

    Attributes:
        address: The address.
        since: What came from there earlier was not the device's.
    """

    address: str
    since: datetime


class PageStore(Protocol):
    """Long lists, a page at a time.

    Every method takes the cursor of the page, and the largest number of items: at most :data:`MOST_IN_A_PAGE`. None
    is the cursor of the first page. Every method raises UsageError with the code ``cursor.invalid`` for a cursor that
    it did not make for the same question.
    """

    def device_page(
        self, site: str, wanted: DeviceFilter, cursor: str | None, limit: int, *, beyond: str = ""
    ) -> Page[KnownDevice]:
        """Return devices of a site, listed and seen together, by serial number or address.

        With ``wanted.search``, the order is another: by the words that were found, then by serial number or address.

        With ``wanted.trouble``, the seen ones may include devices without trouble, and the unseen ones are those that
        another site answered. With ``wanted.host``, there is none that was never seen.

        Args:
            site: The site's name.
            wanted: Its ``after`` and ``limit`` are not read.
            cursor: The page.
            limit: The largest number of items.
            beyond: For the first page: only identities after this text.

        Raises:
            NotFound: There is no such site.
        """

    def silent_order(self, site: str, wanted: DeviceFilter) -> SilentOrder:
        """Return which devices a site has now, longest silent first: see :meth:`device_page` for the filter."""

    def devices_of_rows(self, rows: Sequence[int], release: int | None) -> Sequence[DeviceHistory]:
        """Return the devices in these rows of a :class:`SilentOrder`, in that order. Rows that are gone are left out.

        Args:
            rows: At most :data:`MOST_IN_A_PAGE`.
            release: The release for which their grade is returned.
        """

    def doors_to_judge(self, site: str, wanted: RiskFilter, limit: int) -> Sequence[DeviceHistory]:
        """Return devices of a site that may be at risk, by serial number or address, without their releases.

        Visitors and devices that are not on the site's list are left out. If there are more than the limit, those in
        trouble come first, then those that have been due for longest. This is no page: what it costs grows with the
        limit.

        Args:
            site: The site's name.
            wanted: Which.
            limit: The largest number of them.
        """

    def listed_among(self, site: str, identities: Sequence[str]) -> frozenset[str]:
        """Return those of these identities that are on the site's list."""

    def has_list(self, site: str) -> bool:
        """Whether operators gave a list of the site's devices."""

    def sighting_page(
        self, serial: str, site: str | None, cursor: str | None, limit: int, *, home: Home | None = None
    ) -> Page[Sighting]:
        """Return the stored sightings of a serial number, newest first, in all sites or in one.

        With its home, the refusals and downloads from there are among them: they carry no serial number.

        A device that sends no serial number has none here: its address may belong to another device tomorrow.
        """

    def audit_page(
        self, wanted: AuditFilter, cursor: str | None, limit: int, *, oldest_first: bool = False
    ) -> Page[AuditEntry]:
        """Return entries of the audit log, newest first or oldest first."""

    def release_page(self, site: str, cursor: str | None, limit: int) -> Page[Release]:
        """Return releases of a site, newest first.

        Raises:
            NotFound: There is no such site.
        """

    def rotation_page(self, site: str, cursor: str | None, limit: int) -> Page[Rotation]:
        """Return rotations of a site, newest first.

        Raises:
            NotFound: There is no such site.
        """

    def site_page(self, cursor: str | None, limit: int) -> Page[Site]:
        """Return sites, in the order in which they were added. Renaming one does not move it."""
