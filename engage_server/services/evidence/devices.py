"""Lists devices: how far each came with a release, how long it has been silent, and what is wrong with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.event_codes import TROUBLE_CODES, sentence_of_report
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import AuditAction, DeviceHistory, Grade, Host, Occasion, Site
from engage_server.services.evidence.callers import HostCallers, callers_of_host, callers_of_other_hosts
from engage_server.services.evidence.diagnosis import (
    Diagnosis,
    answered_by_another_site,
    diagnose,
    has_no_download,
)
from engage_server.store.interface import DeviceFilter, EvidenceStore, ReleaseStore, SiteStore, TroubleFilter


class DevicesStore(EvidenceStore, SiteStore, ReleaseStore, Protocol):
    """The part of the store that the evidence of devices needs."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device, as shown to operators.

    Attributes:
        site: Its site.
        identity: Its serial number, or its address.
        history: What is known about it; None if it was never seen.
        grade: How far it came with the release that was asked for; None if no release was.
        silent_nights: Whole days since it was last seen; None if it was never seen.
        diagnosis: What is wrong with it; None if nothing is.
        disregarded: How many of its recent sightings do not count, by the reason. Only filled for a single device.
        is_stranger: Whether its site has a list and it is not on it. No rotation counts it then.
    """

    site: str
    identity: str
    history: DeviceHistory | None
    grade: Grade | None
    silent_nights: int | None
    diagnosis: Diagnosis | None
    disregarded: Mapping[str, int] = field(default_factory=dict)
    is_stranger: bool = False

    @property
    def serial(self) -> str | None:
        """Its serial number; None for a device that is known only by its address."""
        return decode_serial(self.identity)

    @property
    def report(self) -> str:
        """What its audits last reported about a download, a hash or a connection; "" for nothing."""
        return sentence_of_report(self.history.report) if self.history else ""


class DeviceEvidence:
    """Reads the evidence.

    Args:
        store: Holds the evidence.
    """

    def __init__(self, store: DevicesStore) -> None:
        self._store = store

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
            limit: The most devices to return.

        Raises:
            NotFound: There is no such site or release.
        """
        hosts = self._hosts(site)
        if release is not None:
            self._store.release(site, release)
        wanted = DeviceFilter(release, missing, host.text if host else "", limit=limit)
        if troubled:
            sieve = replace(wanted, trouble=TroubleFilter(now, TROUBLE_CODES))
            elsewhere = [] if host else list(self._store.answered_elsewhere(site, limit))
            astray = self._unseen(site, elsewhere, release)
            rest = None if limit is None else limit - len(astray)
            return self._told_apart(site, astray + self._troubled(hosts, site, now, replace(sieve, limit=rest)))
        views = self._unseen(site, [] if host else self._store.unseen_devices(site, limit), release)
        rest = None if limit is None else max(0, limit - len(views))
        found = self._store.device_histories(site, replace(wanted, limit=rest))
        return self._told_apart(site, views + self._views(site, found, release, now, hosts))

    def _unseen(self, site: str, serials: Sequence[str], release: int | None) -> list[DeviceView]:
        """Devices that the site never saw. Another site may have answered them."""
        grade = Grade.NEVER_SEEN if release is not None else None
        others = self._store.answered_elsewhere(site) if serials else {}
        return [
            DeviceView(
                site=site,
                identity=serial,
                history=None,
                grade=grade,
                silent_nights=None,
                diagnosis=answered_by_another_site(serial, site, others[serial]) if serial in others else None,
            )
            for serial in serials
        ]

    def _views(
        self, site: str, found: Sequence[DeviceHistory], release: int | None, now: datetime, hosts: Collection[str]
    ) -> list[DeviceView]:
        """Devices that the site saw. The store is asked whose address is shared only where that matters."""
        homes = {each.home for each in found if has_no_download(each)}
        shared = self._store.shared_addresses(site, homes) if homes else frozenset()
        return [_view(each, release, now, hosts, shared) for each in found]

    def _told_apart(self, site: str, views: list[DeviceView]) -> list[DeviceView]:
        """Mark strangers, if the site has a list."""
        listed = {each.serial for each in self._store.devices(site)}
        return [replace(each, is_stranger=bool(listed) and each.identity not in listed) for each in views]

    def _hosts(self, site: str) -> tuple[str, ...]:
        """The hosts that the devices of a site call."""
        return tuple(host.text for host in self._store.site(site).hosts)

    def _troubled(self, hosts: tuple[str, ...], site: str, now: datetime, wanted: DeviceFilter) -> list[DeviceView]:
        """Read page by page. The store only preselects, so not every device of a page has a problem."""
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
            listed = self._store.listed_unseen_at(identity)
            if listed is not None:
                found = [
                    replace(each, diagnosis=answered_by_another_site(identity, listed, each.site)) for each in found
                ]
            return [
                replace(each, disregarded=self._store.disregarded(each.identity, each.site)) if each.serial else each
                for each in found
            ]
        known = [each for each in self._store.devices() if each.serial == identity]
        if not known:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen or added",
                "Give its serial number (32 hexadecimal digits) or its address. List devices: engage device list",
                code="device.not_found",
            )
        return [
            DeviceView(
                site=each.site, identity=each.serial, history=None, grade=None, silent_nights=None, diagnosis=None
            )
            for each in known
        ]

    def callers_of_host(self, site: str, host: Host, now: datetime) -> HostCallers:
        """The devices of a site that still call a host; see :func:`.callers.callers_of_host`."""
        return callers_of_host(self._store, site, host, now)

    def callers_of_other_hosts(self, site: Site, now: datetime) -> list[HostCallers]:
        """The devices that call hosts which the site does not have; see :func:`.callers.callers_of_other_hosts`."""
        return callers_of_other_hosts(self._store, site, now)

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
        event = replace(occasion.event(AuditAction.DEVICE_FORGOTTEN, device=identity[:80]), reason=reason)
        forgotten = self._store.forget_device(identity, site, event)
        if not forgotten:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen" + (f" in site {site!r}" if site else ""),
                "Give its serial number (32 hexadecimal digits) or its address. List devices: engage device list",
                code="device.not_found",
            )
        return forgotten


def read_serial_list(text: str, source: str) -> list[str]:
    """Read the serial numbers in a list, one on each line. Of a comma-separated line, the first field counts.

    Args:
        text: The content. Empty lines, lines that begin with ``#``, and a heading are skipped.
        source: The name of the list in errors.

    Raises:
        UsageError: A line has no serial number. The error names all such lines.
    """
    found, wrong = [], []
    for number, line in enumerate(text.splitlines(), 1):
        first = line.split(",")[0].strip().strip('"')
        if not first or first.startswith("#"):
            continue
        serial = decode_serial(first)
        if serial is not None:
            found.append(serial)
        elif number > 1 or any(character.isdigit() for character in first):
            wrong.append(str(number))
    if wrong:
        shown = ", ".join(wrong[:10]) + (" ..." if len(wrong) > 10 else "")
        raise UsageError(
            f"{source}: no serial number on line {shown}",
            "Write one on each line, as 32 hexadecimal digits, or Base64 as devices send it. Nothing was imported.",
            code="serial.invalid",
        )
    return list(dict.fromkeys(found))


def _view(
    history: DeviceHistory, release: int | None, now: datetime, hosts: Collection[str], shared: Collection[str]
) -> DeviceView:
    reached = history.releases.get(release) if release is not None else None
    grade = None if release is None else reached.grade if reached else Grade.NEVER_SEEN
    silent = max(0, (now - history.last_seen).days)
    return DeviceView(
        site=history.site,
        identity=history.identity,
        history=history,
        grade=grade,
        silent_nights=silent,
        diagnosis=diagnose(history, now, hosts, shared),
    )
