"""Lists devices: how far each came with a release, how long it has been silent, and what is wrong with it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.event_codes import TROUBLE_CODES
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import (
    NO_LABEL,
    AuditAction,
    CutPath,
    DeviceHistory,
    DeviceLabel,
    Grade,
    Host,
    Occasion,
    Page,
    Sighting,
    every_item,
)
from engage_server.services.evidence.callers import KnownCallers
from engage_server.services.evidence.device_view import DeviceView, seen_view, unseen_view
from engage_server.services.evidence.diagnosis import answered_by_another_site, has_no_download
from engage_server.store.interface import (
    MOST_IN_A_PAGE,
    DeviceFilter,
    EvidenceStore,
    PageStore,
    ReleaseStore,
    SiteStore,
    TroubleFilter,
)

__all__ = ["DeviceEvidence", "DeviceFilter", "DevicesStore"]

SERIAL_BYTES = 16
_AT_ONCE = 500  # devices in memory


class DevicesStore(EvidenceStore, SiteStore, ReleaseStore, PageStore, Protocol):
    """The part of the store that the evidence of devices needs."""


PathTo = Callable[[str, datetime], CutPath | None]


def _never_cut(_site: str, _now: datetime) -> CutPath | None:
    return None


class DeviceEvidence(KnownCallers):
    """Reads the evidence.

    Args:
        store: Holds the evidence.
        path_to: What links say of a site whose path is or was cut, at a moment.
    """

    def __init__(self, store: DevicesStore, path_to: PathTo = _never_cut) -> None:
        super().__init__(store)
        self._store = store
        self._path_to = path_to

    def grades(self, site: str, release: int) -> Mapping[Grade, int]:
        """How many devices reached each grade with a release.

        Raises:
            NotFound: There is no such site or release.
        """
        self._store.release(site, release)
        return self._store.grades(site, release)

    def devices(
        self,
        site: str,
        now: datetime,
        *,
        release: int | None = None,
        missing: bool = False,
        troubled: bool = False,
        host: Host | None = None,
        limit: int | None = None,
    ) -> list[DeviceView]:
        """The devices of a site: first those never seen, then those that have been silent longest.

        Args:
            site: The site's name.
            now: The time, timezone-aware.
            release: Fill in how far each device came with this release.
            missing: Only devices that have not finished a handshake with the release.
            troubled: Only devices that seem to have a problem.
            host: Only devices that called this host last. Those that were never seen are left out.
            limit: The most devices to return. None for all: :meth:`every` does not hold them all at once.

        Raises:
            NotFound: There is no such site or release.
        """
        wanted = self.filter(site, now, release=release, missing=missing, troubled=troubled, host=host)
        return list(self.every(site, now, wanted)) if limit is None else self.first(site, now, wanted, limit)

    def first(self, site: str, now: datetime, wanted: DeviceFilter, limit: int) -> list[DeviceView]:
        """The first devices in the order of :meth:`devices`."""
        if wanted.search:
            return list(self.following(site, now, wanted, "", limit))
        hosts = self._hosts(site)
        if wanted.trouble is not None:
            elsewhere = [] if wanted.host else list(self._store.answered_elsewhere(site, limit))
            astray = self._unseen(site, elsewhere, wanted.release)
            rest = replace(wanted, limit=limit - len(astray))
            return self._completed(site, astray + self._troubled(hosts, site, now, rest))
        views = self._unseen(site, [] if wanted.host else self._store.unseen_devices(site, limit), wanted.release)
        found = self._store.device_histories(site, replace(wanted, limit=max(0, limit - len(views))))
        return self._completed(site, views + self._views(site, found, wanted.release, now, hosts))

    def filter(
        self,
        site: str,
        now: datetime,
        *,
        release: int | None = None,
        missing: bool = False,
        troubled: bool = False,
        host: Host | None = None,
        search: str = "",
        unseen: bool = False,
    ) -> DeviceFilter:
        """What :meth:`page` and :meth:`every` take, from the same arguments as those of :meth:`devices`.

        ``unseen`` is for those on the list that the site never saw.

        A search is for the beginning of any word of a name or place, or of a serial number or address. What it finds
        is in the order of those words.

        Raises:
            NotFound: There is no such site or release.
        """
        self._store.site(site)
        if release is not None:
            self._store.release(site, release)
        trouble = TroubleFilter(now, TROUBLE_CODES) if troubled else None
        return DeviceFilter(release, missing, unseen, host.text if host else "", trouble, search.strip())

    def page(
        self, site: str, now: datetime, wanted: DeviceFilter, cursor: str | None, limit: int, *, beyond: str = ""
    ) -> Page[DeviceView]:
        """A page of the devices of a site, by serial number or address.

        A page may hold fewer devices than its limit, even none, before the last page.

        Args:
            site: The site's name.
            now: The time, timezone-aware.
            wanted: Which, from :meth:`filter`.
            cursor: The page. None for the first.
            limit: The most devices of the page.
            beyond: For the first page: only those after this serial number, or part of one.

        Raises:
            NotFound: There is no such site.
            UsageError: The cursor is of another question (``cursor.invalid``).
        """
        page = self._store.device_page(site, wanted, cursor, limit, beyond=beyond)
        has_list = self._store.has_list(site)
        seen = [each.history for each in page.items if each.history is not None]
        views = {each.identity: each for each in self._views(site, seen, wanted.release, now, self._hosts(site))}
        items = [
            replace(
                views.get(each.identity) or unseen_view(site, each.identity, wanted.release, each.answered_by),
                is_stranger=has_list and not each.is_listed,
                label=each.label,
            )
            for each in page.items
        ]
        if wanted.trouble is not None:  # the store only preselects
            items = [each for each in items if each.diagnosis is not None]
        return Page(items, page.next)

    def following(
        self, site: str, now: datetime, wanted: DeviceFilter, beyond: str, limit: int | None
    ) -> Iterator[DeviceView]:
        """The devices after this serial number, or part of one, by serial number or address: see :meth:`page`."""
        size = min(limit or MOST_IN_A_PAGE, MOST_IN_A_PAGE)
        every = every_item(lambda cursor: self.page(site, now, wanted, cursor, size, beyond=beyond))
        return islice(every, limit)

    def every(self, site: str, now: datetime, wanted: DeviceFilter) -> Iterator[DeviceView]:
        """All devices of a site at this moment: first those never seen, then those that have been silent longest.

        They are read some at a time, while the caller goes on. Each is shown as it is when it is read.

        Raises:
            NotFound: There is no such site.
        """
        if wanted.search:
            yield from self.following(site, now, wanted, "", None)
            return
        order, hosts = self._store.silent_order(site, wanted), self._hosts(site)
        for first in range(0, len(order.unseen), _AT_ONCE * SERIAL_BYTES):
            packed = order.unseen[first : first + _AT_ONCE * SERIAL_BYTES].hex().upper()
            serials = [packed[at : at + 2 * SERIAL_BYTES] for at in range(0, len(packed), 2 * SERIAL_BYTES)]
            yield from self._completed(site, self._unseen(site, serials, wanted.release))
        for first in range(0, len(order.seen), _AT_ONCE):
            found = self._store.devices_of_rows(order.seen[first : first + _AT_ONCE], wanted.release)
            views = self._completed(site, self._views(site, found, wanted.release, now, hosts))
            yield from (each for each in views if wanted.trouble is None or each.diagnosis is not None)

    def _unseen(self, site: str, serials: Sequence[str], release: int | None) -> list[DeviceView]:
        """Devices that the site never saw. Another site may have answered them."""
        others = self._store.answered_elsewhere(site, among=serials) if serials else {}
        return [unseen_view(site, serial, release, others.get(serial, "")) for serial in serials]

    def _views(
        self, site: str, found: Sequence[DeviceHistory], release: int | None, now: datetime, hosts: Collection[str]
    ) -> list[DeviceView]:
        """Devices that the site saw. Whose address is shared and what the path is, is asked only where that matters."""
        homes = {each.home for each in found if has_no_download(each)}
        shared = self._store.shared_addresses(site, homes) if homes else frozenset()
        path = self._path_to(site, now) if any(each.due_at < now for each in found) else None
        return [seen_view(each, release, now, hosts, shared, path) for each in found]

    def _completed(self, site: str, views: list[DeviceView]) -> list[DeviceView]:
        """Fill in what people call the devices, and mark strangers if the site has a list."""
        if not views:
            return views
        identities = [each.identity for each in views]
        labels = self._store.device_labels(site, identities)
        listed = self._store.listed_among(site, identities) if self._store.has_list(site) else frozenset(identities)
        return [
            replace(each, is_stranger=each.identity not in listed, label=labels.get(each.identity, NO_LABEL))
            for each in views
        ]

    def _hosts(self, site: str) -> tuple[str, ...]:
        """The hosts that the devices of a site call."""
        return tuple(host.text for host in self._store.site(site).hosts)

    def _troubled(self, hosts: tuple[str, ...], site: str, now: datetime, wanted: DeviceFilter) -> list[DeviceView]:
        """Read some at a time. The store only preselects, so not every one of them has a problem."""
        found: list[DeviceView] = []
        while True:
            page = self._store.device_histories(site, wanted)
            views = self._views(site, page, wanted.release, now, hosts)
            found += [each for each in views if each.diagnosis is not None]
            if wanted.limit is None or len(found) >= wanted.limit or len(page) < wanted.limit:
                return found[: wanted.limit]
            wanted = replace(wanted, after=page[-1])

    def device(self, text: str, now: datetime) -> list[DeviceView]:
        """What is known about one device, for each site where it was seen.

        Args:
            text: Its serial number as hexadecimal digits or Base64, or its address.
            now: The time, timezone-aware.

        Raises:
            NotFound: It was never seen and never added.
        """
        identity = decode_serial(text) or text
        hosts = {each.name: tuple(host.text for host in each.hosts) for each in self._store.sites()}
        found = [
            view
            for each in self._store.device_history(identity)
            for view in self._views(each.site, [each], None, now, hosts.get(each.site, ()))
        ]
        if found:
            return [self._labelled(each) for each in self._in_full(identity, found)]
        owner = self._store.site_of_device(identity)
        if owner is None:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen or added",
                "Give its serial number (32 hexadecimal digits) or its address. List devices: engage device list",
                code="device.not_found",
            )
        return [self._labelled(unseen_view(owner, identity, None, ""))]

    def labels(self, site: str, identities: Collection[str]) -> Mapping[str, DeviceLabel]:
        """What people call those of these devices that have a name or a place.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.device_labels(site, identities)

    def has_labels(self, site: str) -> bool:
        """Whether any device of the site has a name or a place.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.has_labels(site)

    def has_list(self, site: str) -> bool:
        """Whether the site has a list of devices. Then no other device counts."""
        return self._store.has_list(site)

    def at_site(self, site: str, serial: str, now: datetime) -> DeviceView:
        """What one site knows about a device.

        Args:
            site: The site's name.
            serial: 32 upper-case hexadecimal digits.
            now: The time, timezone-aware.

        Raises:
            NotFound: There is no such site. Or it never saw the device, and the device is not on its list.
        """
        hosts = self._hosts(site)
        is_listed = self._store.site_of_device(serial) == site
        found = self._views(site, self._store.device_history(serial, site), None, now, hosts)
        if not found and not is_listed:
            raise NotFound(
                f"site '{site}' knows no device {serial}",
                "Check the serial number. See which devices the site has.",
                code="device.not_found",
            )
        seen = self._in_full(serial, found) if found else self._unseen(site, [serial], None)
        return replace(self._labelled(seen[0]), is_stranger=not is_listed and self._store.has_list(site))

    def _labelled(self, view: DeviceView) -> DeviceView:
        """One device, with what people call it."""
        labels = self._store.device_labels(view.site, [view.identity])
        return replace(view, label=labels.get(view.identity, NO_LABEL))

    def _in_full(self, identity: str, found: Sequence[DeviceView]) -> list[DeviceView]:
        """One device, with what is only asked for a single one."""
        listed = self._store.listed_unseen_at(identity)
        if listed is not None:
            found = [
                replace(each, diagnosis=answered_by_another_site(identity, listed, each.site), other_site=listed)
                for each in found
            ]
        return [
            replace(each, disregarded=self._store.disregarded(each.identity, each.site)) if each.serial else each
            for each in found
        ]

    def sightings(self, serial: str, site: str | None, cursor: str | None, limit: int) -> Page[Sighting]:
        """A page of what a device did lately, newest first, in all sites or in one.

        A device that sends no serial number has no sightings here.

        Raises:
            UsageError: It is no serial number, or no cursor of this list (``cursor.invalid``).
        """
        identity = decode_serial(serial)
        if identity is None:
            raise UsageError(
                f"{serial[:80]!r} is not a serial number",
                "Give 32 hexadecimal digits, or Base64 as devices send it.",
                code="serial.invalid",
            )
        return self._store.sighting_page(identity, site, cursor, limit)

    def forget(self, text: str, site: str | None, reason: str, occasion: Occasion) -> Sequence[str]:
        """Remove what is known about a device. If it calls again, it is a new device. Lists of serial numbers stay.

        Args:
            text: Its serial number as hexadecimal digits or Base64, or its address.
            site: The only site to remove it from; None for every site.
            reason: The reason, in the operator's words.
            occasion: Who and when.

        Returns:
            The sites where something was known about it.

        Raises:
            NotFound: There is no such site, or the device was never seen there.
        """
        if site is not None:
            self._store.site(site)
        identity = decode_serial(text) or text
        event = occasion.because(reason).event(AuditAction.DEVICE_FORGOTTEN, device=identity[:80])
        forgotten = self._store.forget_device(identity, site, event)
        if not forgotten:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen" + (f" in site {site!r}" if site else ""),
                "Give its serial number (32 hexadecimal digits) or its address. List devices: engage device list",
                code="device.not_found",
            )
        return forgotten
