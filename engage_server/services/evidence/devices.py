"""Which devices took which release, who is missing since when, and what is wrong with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from engage_server.errors import NotFound, UsageError
from engage_server.protocol.event_codes import TROUBLE_CODES, sentence_of_report
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import AuditAction, DeviceHistory, Grade, Host, Occasion, Site
from engage_server.services.evidence.callers import HostCallers, callers_of_host, callers_of_other_hosts
from engage_server.services.evidence.diagnosis import Diagnosis, diagnose
from engage_server.store.interface import DeviceFilter, EvidenceStore, ReleaseStore, SiteStore, TroubleFilter


class DevicesStore(EvidenceStore, SiteStore, ReleaseStore, Protocol):
    """What of the store the evidence of devices needs."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device, as operators look at it.

    Attributes:
        site: Its site.
        identity: Serial number, or address.
        history: What is known of it; None for one that was never seen.
        grade: How far it came with the release that was asked for; None where none was.
        silent_nights: Whole days since it was last seen; None for one that never was.
        diagnosis: What is wrong with it; None when nothing is.
        disregarded: How many of its sightings of late count for nothing, by the reason; only where one device is shown.
        is_stranger: Whether its site has a list, and it is not on it: no rotation counts it.
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
        """Its serial number; None for a device that is known by its address alone."""
        return decode_serial(self.identity)

    @property
    def report(self) -> str:
        """What its audits told last of a download, a hash or a connection; "" for nothing."""
        return sentence_of_report(self.history.report) if self.history else ""


class DeviceEvidence:
    """Asks the evidence.

    Args:
        store: Where it rests.
    """

    def __init__(self, store: DevicesStore) -> None:
        self._store = store

    def grades(self, site: str, release: int) -> Mapping[Grade, int]:
        """How many devices came how far with a release.

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
        limit: int | None = None,
    ) -> list[DeviceView]:
        """The devices of a site, longest silent first, those that were never seen in front.

        Args:
            site: Its name.
            now: Aware.
            release: Tell how far each came with this release.
            missing: Only those that have not finished a handshake with it.
            troubled: Only those with which something seems to be wrong.
            limit: At most so many.

        Raises:
            NotFound: There is no such site or release.
        """
        hosts = self._hosts(site)
        if release is not None:
            self._store.release(site, release)
        wanted = DeviceFilter(release, missing, limit=limit)
        if troubled:
            sieve = replace(wanted, trouble=TroubleFilter(now, TROUBLE_CODES))
            return self._told_apart(site, self._troubled(hosts, site, now, sieve))
        unseen = self._store.unseen_devices(site, limit)
        grade = Grade.NEVER_SEEN if release is not None else None
        views = [
            DeviceView(site=site, identity=serial, history=None, grade=grade, silent_nights=None, diagnosis=None)
            for serial in unseen
        ]
        rest = None if limit is None else max(0, limit - len(views))
        found = self._store.device_histories(site, replace(wanted, limit=rest))
        return self._told_apart(site, views + [_view(each, release, now, hosts) for each in found])

    def _told_apart(self, site: str, views: list[DeviceView]) -> list[DeviceView]:
        """Strangers are marked where the site has a list."""
        listed = {each.serial for each in self._store.devices(site)}
        return [replace(each, is_stranger=bool(listed) and each.identity not in listed) for each in views]

    def _hosts(self, site: str) -> tuple[str, ...]:
        """What the devices of a site call."""
        return tuple(host.text for host in self._store.site(site).hosts)

    def _troubled(self, hosts: tuple[str, ...], site: str, now: datetime, wanted: DeviceFilter) -> list[DeviceView]:
        """Page by page: the store only sieves, so a page may hold fewer devices in trouble than it holds devices."""
        found: list[DeviceView] = []
        while True:
            page = self._store.device_histories(site, wanted)
            views = (_view(each, wanted.release, now, hosts) for each in page)
            found += [each for each in views if each.diagnosis is not None]
            if wanted.limit is None or len(found) >= wanted.limit or len(page) < wanted.limit:
                return found[: wanted.limit]
            wanted = replace(wanted, after=page[-1])

    def device(self, text: str, now: datetime) -> list[DeviceView]:
        """What is known of one device, for each site that it was seen in.

        Args:
            text: Its serial number as hexadecimal digits or Base64, or its address.
            now: Aware.

        Raises:
            NotFound: Nobody has seen it, and nobody added it.
        """
        identity = decode_serial(text) or text
        hosts = {each.name: tuple(host.text for host in each.hosts) for each in self._store.sites()}
        found = [_view(each, None, now, hosts.get(each.site, ())) for each in self._store.device_history(identity)]
        if found:
            return [
                replace(each, disregarded=self._store.disregarded(each.identity, each.site)) if each.serial else each
                for each in found
            ]
        known = [each for each in self._store.devices() if each.serial == identity]
        if not known:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen or added",
                "Give its serial number (32 hexadecimal digits) or its address; look: engage device list",
                code="device.not_found",
            )
        return [
            DeviceView(
                site=each.site, identity=each.serial, history=None, grade=None, silent_nights=None, diagnosis=None
            )
            for each in known
        ]

    def callers_of_host(self, site: str, host: Host, now: datetime) -> HostCallers:
        """Which devices of a site still call a host, as :func:`.callers.callers_of_host` says."""
        return callers_of_host(self._store, site, host, now)

    def callers_of_other_hosts(self, site: Site, now: datetime) -> list[HostCallers]:
        """Who calls a host that is none of the site's, as :func:`.callers.callers_of_other_hosts` says."""
        return callers_of_other_hosts(self._store, site, now)

    def forget(self, text: str, site: str | None, reason: str, occasion: Occasion) -> Sequence[str]:
        """Remove what is known of a device. If it calls again, it is a new one; lists of serial numbers stay.

        Args:
            text: Its serial number as hexadecimal digits or Base64, or its address.
            site: Only there; None for every site.
            reason: Why, in the operator's words.
            occasion: Who and when.

        Returns:
            The sites in which something was known of it.

        Raises:
            NotFound: There is no such site, or nobody has seen the device there.
        """
        if site is not None:
            self._store.site(site)
        identity = decode_serial(text) or text
        event = replace(occasion.event(AuditAction.DEVICE_FORGOTTEN, device=identity[:80]), reason=reason)
        forgotten = self._store.forget_device(identity, site, event)
        if not forgotten:
            raise NotFound(
                f"no device {text[:80]!r} was ever seen" + (f" in site {site!r}" if site else ""),
                "Give its serial number (32 hexadecimal digits) or its address; look: engage device list",
                code="device.not_found",
            )
        return forgotten


def read_serial_list(text: str, source: str) -> list[str]:
    """The serial numbers in a list, one on a line; of a comma-separated line the first field counts.

    Args:
        text: The content. Empty lines and those that begin with ``#`` are passed over, and so is a heading.
        source: What to call it in errors.

    Raises:
        UsageError: A line holds none. All wrong lines are told.
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


def _view(history: DeviceHistory, release: int | None, now: datetime, hosts: Collection[str]) -> DeviceView:
    reached = history.releases.get(release) if release is not None else None
    grade = None if release is None else reached.grade if reached else Grade.NEVER_SEEN
    silent = max(0, (now - history.last_seen).days)
    return DeviceView(
        site=history.site,
        identity=history.identity,
        history=history,
        grade=grade,
        silent_nights=silent,
        diagnosis=diagnose(history, now, hosts),
    )
