"""The services that operators use. Each is imported and built when first used: a command needs only two or three."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from engage_server.composition.alerts.alerted import Alerted
from engage_server.composition.host_side import HostSide
from engage_server.composition.opening import kept_open, open_database, open_sealer
from engage_server.records import AnchorRole, AuditHead
from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from engage_server.composition.access_side import AccessSide
    from engage_server.lock.acceptance.judge import DeviceJudge
    from engage_server.services.backup.creation import BackupCreation
    from engage_server.services.backup.host_files import HostFiles
    from engage_server.services.backup.nights.standing import BackupStanding
    from engage_server.services.doors.door import Doors
    from engage_server.services.evidence.devices import DeviceEvidence
    from engage_server.services.installation.audit_log import AuditLog
    from engage_server.services.installation.first_site import Installer
    from engage_server.services.installation.overview import Overview
    from engage_server.services.installation.recent_sites import RecentSites
    from engage_server.services.kpn_devices.register import KpnDevices
    from engage_server.services.releases.confirmation import Confirmations
    from engage_server.services.releases.held_anchors import HeldAnchors
    from engage_server.services.releases.key_file import ReleaseKeyFile
    from engage_server.services.releases.lifecycle import Releases
    from engage_server.services.releases.serving_hosts import ServingHosts
    from engage_server.services.risk.recent import RecentTonight
    from engage_server.services.risk.tonight import Tonight
    from engage_server.services.rotation.adoption_nights import AdoptionNights
    from engage_server.services.rotation.lifecycle import Rotations
    from engage_server.services.rotation.request import RotationRequests
    from engage_server.services.rotation.site_rotations import SiteRotations
    from engage_server.services.sims.orders import SimOrders
    from engage_server.services.site_path.event_transfer import PathEventTransfer
    from engage_server.services.site_path.paths import SitePaths
    from engage_server.services.site_path.recording import PathRecording
    from engage_server.services.sites.device_import import DeviceImport
    from engage_server.services.sites.enrolment import Enrolment
    from engage_server.services.sites.naming import Naming
    from engage_server.services.sites.register import Sites
    from engage_server.services.sites.removal import Removal
    from engage_server.services.sites.renaming import Renaming
    from engage_server.services.vendor.takeover import VendorTakeover
    from engage_server.store.interface import BackupStore


class OperatorSide(Alerted, HostSide):
    """All services on one store.

    Args:
        store: The store, with the key that opens its secrets.
        settings: The settings.
    """

    def close(self) -> None:
        """Close the database connections."""
        self._store.close()

    @cached_property
    def sites(self) -> "Sites":
        """Sites, their keys and their devices."""
        from engage_server.services.sites.register import Sites

        return Sites(self._store)

    @cached_property
    def access(self) -> "AccessSide":
        """People, their sessions, and tokens of other systems."""
        from engage_server.composition.access_side import AccessSide

        return AccessSide(self._store, self._settings)

    @cached_property
    def releases(self) -> "Releases":
        """The life cycle of releases."""
        from engage_server.services.releases.lifecycle import Releases

        return Releases(self._store)

    def current_releases(self) -> Mapping[str, int]:
        """The number of the release that each site serves. A site that serves nothing yet is not in it."""
        return self._store.current_numbers()

    @cached_property
    def installer(self) -> "Installer":
        """Creates the first site."""
        from engage_server.services.installation.first_site import Installer

        return Installer(self.sites, self.releases)

    @cached_property
    def held_anchors(self) -> "HeldAnchors":
        """Knows which anchors devices hold."""
        from engage_server.services.releases.held_anchors import HeldAnchors

        return HeldAnchors(self._store, _judge)

    @cached_property
    def confirmations(self) -> "Confirmations":
        """Knows which workers serve what."""
        from engage_server.services.releases.confirmation import Confirmations

        return Confirmations(self._store)

    @cached_property
    def hosts(self) -> "ServingHosts":
        """The machines that serve."""
        from engage_server.services.releases.serving_hosts import ServingHosts

        return ServingHosts(self._store)

    @cached_property
    def rotations(self) -> "Rotations":
        """Rotations."""
        from engage_server.services.rotation.lifecycle import Rotations

        return Rotations(self._store, self.releases, self.confirmations, _judge, _throwaway_keys)

    @cached_property
    def adoption_nights(self) -> "AdoptionNights":
        """How the doors of a site came through, night by night."""
        from engage_server.services.rotation.adoption_nights import AdoptionNights

        return AdoptionNights(self._store)

    @cached_property
    def rotation_requests(self) -> "RotationRequests":
        """Requests for rotations."""
        from engage_server.services.rotation.request import RotationRequests

        return RotationRequests(self.rotations, self.releases)

    @cached_property
    def site_rotations(self) -> "SiteRotations":
        """Plans and starts rotations with the keys that are on this host."""
        from engage_server.services.rotation.site_rotations import SiteRotations

        return SiteRotations(self.rotations, self.rotation_requests, self.held_anchors, self._settings.certs_dir)

    @property
    def gate_seconds(self) -> float:
        """How often the operators' instance looks at open rotations."""
        return self._settings.gate_seconds

    @property
    def device_ports(self) -> tuple[int, int]:
        """The ports of the plain and of the TLS instance."""
        return self._settings.http_port, self._settings.https_port

    @cached_property
    def evidence(self) -> "DeviceEvidence":
        """What is known about devices."""
        from engage_server.services.evidence.devices import DeviceEvidence

        return DeviceEvidence(self._store, self.paths.cut)

    def last_calls(self, site: str, limit: int) -> Iterator[datetime]:
        """When devices of a site were last seen; see :func:`engage_server.services.evidence.pace.last_calls`."""
        from engage_server.services.evidence.pace import last_calls

        return last_calls(self._store, site, limit)

    @cached_property
    def doors(self) -> "Doors":
        """Collects what is known of one door."""
        from engage_server.services.doors.door import Doors

        return Doors(self._store, _judge, self.devices, self.call_faults)

    @cached_property
    def audit(self) -> "AuditLog":
        """The operators' log."""
        from engage_server.services.installation.audit_log import AuditLog

        return AuditLog(self._store)

    @cached_property
    def overview(self) -> "Overview":
        """All sites at a glance."""
        from engage_server.services.installation.overview import Overview

        return Overview(self._store, self.rotations, self.confirmations, self.held_anchors)

    @cached_property
    def backup_creation(self) -> "BackupCreation":
        """Makes backups."""
        from engage_server.composition.backups.making import backup_creation

        return backup_creation(self._store, self._settings)

    def backup_files(self, *, with_authority: bool) -> "HostFiles":
        """The files of this host that go into a backup."""
        from engage_server.composition.backups.making import host_files

        return host_files(self._settings, with_authority=with_authority)

    def backup_standing(self, now: datetime) -> "BackupStanding":
        """How old the newest good backup and drill are."""
        from engage_server.services.backup.nights.standing import backup_standing

        return backup_standing(self._store, now, is_nightly=self._settings.has_nightly_backups)

    @cached_property
    def backup_runs(self) -> "BackupStore":
        """What is known of backups and drills."""
        return self._store

    @cached_property
    def tonight(self) -> "Tonight":
        """Who is at risk tonight."""
        from engage_server.services.risk.tonight import Tonight

        return Tonight(self._store, _judge, self.held_anchors, self.confirmations)

    @cached_property
    def recent_sites(self) -> "RecentSites":
        """The figures of sites for pages: those of large sites are kept for a while."""
        from time import monotonic

        from engage_server.services.installation.recent_sites import RecentSites

        callers = self.evidence.callers_of_own_hosts
        return RecentSites(self.overview, self.adoption_nights, callers, self._store.generation, monotonic)

    @cached_property
    def recent_tonight(self) -> "RecentTonight":
        """The same for a process that is asked often: answers for large sites are kept for a while."""
        from time import monotonic

        from engage_server.services.risk.recent import RecentTonight

        return RecentTonight(self.tonight, monotonic)

    @cached_property
    def enrolment(self) -> "Enrolment":
        """Puts callers on their site's list."""
        from engage_server.composition.disk_space import store_reserve
        from engage_server.services.sites.enrolment import Enrolment

        return Enrolment(self._store, self.sites, store_reserve(self._settings))

    @cached_property
    def renaming(self) -> "Renaming":
        """Renames sites."""
        from engage_server.services.sites.renaming import Renaming

        settings = self._settings
        return Renaming(self._store, (settings.data_dir, settings.upstream_spool_dir), self._store_spool)

    def _store_spool(self) -> None:
        """Store what this host's spool holds. The tokens in it are checked as usual."""
        from engage_server.composition.device_side import store_spool

        store_spool(self._settings, self._store, self.sites.key)

    @cached_property
    def paths(self) -> "SitePaths":
        """The paths to sites, as links report them."""
        from engage_server.services.site_path.paths import SitePaths

        return SitePaths(self._store)

    @cached_property
    def path_recording(self) -> "PathRecording":
        """Stores what a command found out about a path."""
        from engage_server.services.site_path.recording import PathRecording

        return PathRecording(self._store)

    @cached_property
    def sim_orders(self) -> "SimOrders":
        """Records what operators of this installation order from operators of SIMs."""
        from engage_server.services.sims.orders import SimOrders

        return SimOrders(self._store)

    @cached_property
    def path_event_transfer(self) -> "PathEventTransfer":
        """Stores what this host's ingress recorded."""
        from engage_server.composition.disk_space import store_reserve
        from engage_server.services.site_path.event_transfer import PathEventTransfer

        keep = timedelta(days=self._settings.sighting_days)
        return PathEventTransfer(self._settings.path_events_dir, self._store, keep, store_reserve(self._settings))

    @cached_property
    def kpn_devices(self) -> "KpnDevices":
        """Devices on KPN SIMs, and messages to them."""
        from engage_server.composition.links.key import ensured_link_sealer
        from engage_server.services.kpn_devices.register import KpnDevices

        return KpnDevices(self._store, lambda: ensured_link_sealer(self._settings))

    @cached_property
    def removal(self) -> "Removal":
        """Removes devices and sites."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.sites.removal import Removal

        return Removal(self._store, DeviceFolders(self._settings.data_dir))

    @cached_property
    def naming(self) -> "Naming":
        """Sets what people call devices."""
        from engage_server.services.sites.naming import Naming

        return Naming(self._store)

    @cached_property
    def device_import(self) -> "DeviceImport":
        """Imports devices together with their files."""
        from engage_server.services.sites.device_import import DeviceImport

        return DeviceImport(self.sites, self.devices)

    @cached_property
    def import_into_database(self) -> "DeviceImport":
        """The same into the database, for sites that will be answered from it."""
        from engage_server.services.sites.device_import import DeviceImport

        return DeviceImport(self.sites, self.devices_in_database)

    @cached_property
    def takeover(self) -> "VendorTakeover":
        """Imports from the vendor's sample."""
        from engage_server.services.vendor.takeover import VendorTakeover

        return VendorTakeover(self._store, self.sites, self.releases, self.devices)

    @cached_property
    def release_key(self) -> "ReleaseKeyFile":
        """The file with the release key."""
        from engage_server.services.releases.key_file import ReleaseKeyFile

        return ReleaseKeyFile(self._store)


def open_operator_side(
    settings: Settings, environment: Mapping[str, str], told: Callable[[AuditHead], None] = lambda head: None
) -> OperatorSide:
    """Open the services on an existing installation.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        told: Called with each entry of the audit log that these services write.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        StoreVersionMismatch: It was made by another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: The database was sealed with another one.
    """
    with kept_open(open_database(settings)) as engine:
        return operator_side_on(engine, settings, environment, told)


def operator_side_on(
    engine: Engine, settings: Settings, environment: Mapping[str, str], told: Callable[[AuditHead], None]
) -> OperatorSide:
    """Open the services on a database that is open already.

    Args:
        engine: The database of this installation. Closing the services closes its connections.
        settings: The settings.
        environment: For the key-encryption key.
        told: As for :func:`open_operator_side`.

    Raises:
        SettingsInvalid: There is no key-encryption key.
        SealBroken: The database was sealed with another one.
    """
    sealer = open_sealer(engine, settings, environment)
    return OperatorSide(SqlStore(engine, sealer, told=told), settings)


def _judge(anchor: AnchorRole) -> "DeviceJudge":
    """A judge that accepts and refuses chains as doors do, for the anchor that a site distributes."""
    from engage_server.lock.acceptance.judge import DeviceJudge
    from engage_server.lock.limits import DeviceLimits

    return DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)


@cache
def _throwaway_keys(count: int) -> list["rsa.RSAPrivateKey"]:
    """They rehearse, and sign nothing that anyone gets. So a process makes them once."""
    from engage_server.pki.keys import generate_keys

    return generate_keys(count)
