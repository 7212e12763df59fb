"""Adds and changes sites and devices, and exports a site's key."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from engage_server.errors import Refused, UsageError
from engage_server.files import SECRET_MODE, write_new_file
from engage_server.protocol import site_key
from engage_server.protocol.notice import cert_url
from engage_server.records import (
    LONGEST_NAME,
    NO_LABEL,
    AnchorRole,
    AuditAction,
    CallIn,
    CallInWay,
    Device,
    DeviceLabel,
    Host,
    IPNetwork,
    Occasion,
    Page,
    RequiredEvidence,
    Secret,
    Site,
    read_label,
)
from engage_server.services.sites.serials import read_serial
from engage_server.store.interface import AuditStore, EvidenceStore, ListChange, PageStore, RotationStore, SiteStore

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_LONGEST_PORT = 65535
_RESERVED = frozenset({"spool", "metrics"})  # folders in data/ next to the sites' folders


class RegisterStore(SiteStore, EvidenceStore, AuditStore, PageStore, RotationStore, Protocol):
    """The part of the store that sites and devices need."""


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """A new site that an operator asks for. The attributes are those of :class:`Site`."""

    name: str
    hosts: tuple[Host, ...]
    anchor: AnchorRole = AnchorRole.ROOT
    device_networks: tuple[IPNetwork, ...] = ()
    make_default: bool = False
    local_addresses: tuple[str, ...] = ()
    for_trials: bool = False
    title: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """The changes to a site. None, or an empty list of hosts, leaves that attribute unchanged.

    An empty title removes it.
    """

    hosts: tuple[Host, ...] = ()
    device_networks: tuple[IPNetwork, ...] | None = None
    local_addresses: tuple[str, ...] | None = None
    call_in: CallIn | None = None
    evidence: RequiredEvidence | None = None
    approvals: int | None = None
    title: str | None = None
    time_zone: str | None = None


class Sites:
    """Sites and their devices.

    Args:
        store: Holds the sites and devices.
    """

    def __init__(self, store: RegisterStore) -> None:
        self._store = store

    def all(self) -> Sequence[Site]:
        """Every site, by name."""
        return self._store.sites()

    def page(self, cursor: str | None, limit: int) -> Page[Site]:
        """A page of the sites, in the order in which they were added.

        Raises:
            UsageError: It is no cursor of this list (``cursor.invalid``).
        """
        return self._store.site_page(cursor, limit)

    def get(self, name: str | None) -> Site:
        """The site with this name; without a name, the default site.

        Raises:
            NotFound: There is no such site.
        """
        if name is not None:
            return self._store.site(name)
        for site in self._store.sites():
            if site.is_default:
                return site
        return self._store.site("default")

    def add(self, request: SiteRequest, key: Secret, occasion: Occasion) -> Site:
        """Add a site. Its key can never be changed.

        Raises:
            UsageError: The name or title is not allowed, there is no host, or a host makes a URL too long for devices.
                Or there is no such time zone.
            Conflict: The name or a host is taken.
        """
        _assert_usable(request)
        site = Site(
            name=request.name,
            hosts=tuple(dict.fromkeys(request.hosts)),
            anchor=request.anchor,
            is_default=request.make_default,
            device_networks=request.device_networks,
            created_at=occasion.now,
            local_addresses=request.local_addresses,
            for_trials=request.for_trials,
            title=_read_title(request.title),
            time_zone=_read_zone(request.time_zone),
        )
        trials = {"trials": "yes"} if site.for_trials else {}
        event = occasion.event(
            AuditAction.SITE_ADDED, site.name, hosts=" ".join(map(str, site.hosts)), anchor=site.anchor.value, **trials
        )
        return self._store.add_site(site, key, event)

    def make_default(self, name: str, occasion: Occasion) -> None:
        """Let this site answer requests that name no site.

        Raises:
            NotFound: There is no such site.
        """
        self._store.make_default(name, occasion.event(AuditAction.SITE_MADE_DEFAULT, name))

    def key(self, name: str) -> Secret:
        """The site's key, for use on this machine. It is not recorded in the audit log, so it must not be handed out.

        Raises:
            NotFound: There is no such site.
            SealBroken: It was sealed with another key-encryption key.
        """
        return self._store.site_key(name)

    def export_key(self, name: str, file: Path, occasion: Occasion) -> None:
        """Write the key as Base64 into a new file with mode 0600, and record that in the audit log.

        Raises:
            NotFound: There is no such site.
            Conflict: The file exists.
            FileNotUsable: It cannot be written.
        """
        key = self._store.site_key(name)
        write_new_file(file, site_key.write_site_key(key) + b"\n", SECRET_MODE)
        self._store.record(occasion.event(AuditAction.SITE_KEY_EXPORTED, name, file=str(file)))

    def add_device(self, serial: str, site: str, occasion: Occasion, label: DeviceLabel = NO_LABEL) -> Device:
        """Add a device to a site's list, so that its serial number chooses the site.

        A device that is on the list already may get another name or place.

        Args:
            serial: 32 hexadecimal digits, or Base64 as devices send it.
            site: The site's name.
            occasion: Who and when.
            label: What people call it: see :func:`.naming.read_device_label`. Empty parts leave what is stored.

        Raises:
            UsageError: It is not a serial number.
            NotFound: There is no such site.
            Conflict: The device belongs to another site.
        """
        decoded = read_serial(serial)
        device = Device(decoded, site, occasion.now, label)
        facts = {"serial": decoded} | ({"name": label.name, "place": label.place} if label else {})
        self._store.add_device(device, occasion.event(AuditAction.DEVICE_ADDED, site, **facts))
        return device

    def add_devices(self, serials: Sequence[str], site: str, occasion: Occasion) -> int:
        """Add devices, all or none, and return how many were not on a list before.

        Args:
            serials: 32 upper-case hexadecimal digits each.
            site: The site's name.
            occasion: Who and when.

        Raises:
            NotFound: There is no such site.
            Conflict: A device belongs to another site.
        """
        return self.add_list(serials, {}, site, occasion).added

    def add_list(
        self, serials: Sequence[str], labels: Mapping[str, DeviceLabel], site: str, occasion: Occasion
    ) -> ListChange:
        """Add devices with what people call them, all or none: see :meth:`add_devices`.

        Args:
            serials: 32 upper-case hexadecimal digits each.
            labels: The names and places of some of them. Empty parts leave what is stored.
            site: The site's name.
            occasion: Who and when.

        Raises:
            NotFound: There is no such site.
            Conflict: A device belongs to another site.
        """
        devices = [Device(serial, site, occasion.now, labels.get(serial, NO_LABEL)) for serial in serials]
        return self._store.add_devices(devices, site, occasion.event(AuditAction.DEVICE_ADDED, site))

    def site_of_device(self, serial: str) -> str | None:
        """The site on whose list a serial number is. None: it is on none."""
        return self._store.site_of_device(serial)

    def change(self, site: Site, changes: SiteChanges, reason: str, occasion: Occasion) -> Site:
        """Change what stands in ``changes``. What it leaves out stays.

        Its name, key and anchor stay. If nothing would change, nothing is written, not even to the audit log.

        Raises:
            NotFound: There is no such site.
            UsageError: A host is too long, or the upstream system's address, the title or the time zone cannot be used.
            Conflict: A host or address belongs to another site.
            Refused: Evidence by tokens is asked for, but no device of the site ever sent a valid one. Or fewer
                approvals are, while a rotation is open.
        """
        if changes.evidence is RequiredEvidence.AUTHENTICATED and site.evidence is not changes.evidence:
            self._assert_tokens_seen(site.name)
        approvals = site.approvals if changes.approvals is None else changes.approvals
        if approvals < site.approvals:
            self._assert_no_rotation(site.name)
        changed = replace(
            site,
            hosts=tuple(dict.fromkeys(changes.hosts)) or site.hosts,
            device_networks=site.device_networks if changes.device_networks is None else changes.device_networks,
            local_addresses=site.local_addresses if changes.local_addresses is None else changes.local_addresses,
            call_in=changes.call_in or site.call_in,
            evidence=changes.evidence or site.evidence,
            approvals=approvals,
            title=site.title if changes.title is None else _read_title(changes.title),
            time_zone=site.time_zone if changes.time_zone is None else _read_zone(changes.time_zone),
        )
        _assert_answerable(changed.call_in)
        for host in changed.hosts:
            cert_url(host, _LONGEST_PORT, b"")
        if changed == site:
            return site
        event = replace(
            occasion.because(reason).event(AuditAction.SITE_CHANGED, site.name, **_facts(changed)),
            before=_facts(site),
        )
        return self._store.change_site(changed, event, approvals=changes.approvals)

    def _assert_no_rotation(self, name: str) -> None:
        """Refuse to lift the rule under a rotation: who started it would need nobody else after all."""
        if self._store.rotations(name, only_open=True):
            raise Refused(
                f"{name} needs a second person, and a rotation of it is open",
                f"Finish or abort it first: engage rotate status --site {name}",
                code="rotation.open",
            )

    def _assert_tokens_seen(self, name: str) -> None:
        if not self._store.has_authenticated(name):
            raise Refused(
                f"no device of {name} has ever sent a valid token: its rotations would wait forever",
                "The form of locks' tokens is an assumption. See which devices send one: engage device list --site "
                f"{name} --all",
                code="evidence.no_token_seen",
            )

    def note_import(self, site: str, devices: int, files: int, occasion: Occasion) -> None:
        """Record in the audit log that devices' files were imported."""
        event = occasion.event(AuditAction.DEVICES_IMPORTED, site, devices=str(devices), files=str(files))
        self._store.record(event)

    def serials(self, site: str) -> Sequence[str]:
        """The serial numbers on a site's list, in no order.

        Raises:
            NotFound: There is no such site.
        """
        return self._store.device_serials(site)


def new_site_key() -> Secret:
    """A new site key: 32 random bytes."""
    return Secret(secrets.token_bytes(site_key.SITE_KEY_BYTES))


def assert_site_name(name: str) -> None:
    """Refuse a name that a site cannot have.

    Raises:
        UsageError: It has other characters, is too long, or is reserved.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot be a site's name",
            "Use up to 63 lower-case letters, digits, '-' and '_', beginning with a letter or digit.",
            code="site.name",
        )
    if name in _RESERVED:
        raise UsageError(f"{name!r} cannot be a site's name: this server uses it as a folder", "Choose another one.")


def _assert_usable(request: SiteRequest) -> None:
    assert_site_name(request.name)
    if not request.hosts:
        raise UsageError(f"site {request.name!r} has no host", "Give each name or address that devices call: --host.")
    for host in request.hosts:
        cert_url(host, _LONGEST_PORT, b"")


def _assert_answerable(call_in: CallIn) -> None:
    if call_in.way is not CallInWay.UPSTREAM:
        return
    if call_in.upstream is None:
        raise UsageError("the upstream system has no address", "Give one: --upstream URL.", code="upstream.url")
    from engage_server.services.sites.upstream_address import assert_usable  # loads OpenSSL: few commands need it

    assert_usable(call_in.upstream)


def _read_title(title: str) -> str:
    return read_label(title, "title", LONGEST_NAME)


def _read_zone(name: str) -> str:
    from engage_server.services.sites.time_zone import read_time_zone  # lists all zones: few commands need them

    return name if name == "UTC" else read_time_zone(name)


def _facts(site: Site) -> dict[str, str]:
    return {
        "hosts": " ".join(map(str, site.hosts)),
        "device_networks": " ".join(map(str, site.device_networks)),
        "local_addresses": " ".join(site.local_addresses),
        "call_in": " ".join(_call_in_facts(site.call_in)),
        "evidence": site.evidence.value,
        "approvals": str(site.approvals),
        "title": site.title,
        "time_zone": site.time_zone,
    }


def _call_in_facts(call_in: CallIn) -> Iterator[str]:
    yield str(call_in.way)
    if call_in.upstream is not None:
        yield f"{call_in.upstream.url} within {call_in.upstream.timeout_seconds:g} s"
        trust = call_in.upstream.trust_pem
        yield f"trusting SHA-256 {hashlib.sha256(trust.encode()).hexdigest()[:32]}" if trust else "trusting the system"
    yield f"unknown devices: {call_in.unknown}"
    if call_in.insecure:
        yield "insecure_call_in"
