"""The one place that builds the store and the services, and connects them."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.disk import (
    disk_room,
    enrolment_days,
    sightings_reserve,
    store_reserve,
    sweep_temporary_files,
)
from engage_server.errors import NotPossible
from engage_server.file_locks import DEVICE_SECONDS
from engage_server.files import SECRET_MODE, make_folder
from engage_server.opening import derived_release_key, ensured_sealer, given_release_key, open_database, read_sealer
from engage_server.pki.keys import generate_key
from engage_server.protocol.device_token import token_in
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import AnchorRole, AuditHead, CallInWay, Secret, SightingKind, WorkerStatus
from engage_server.records.occasion import BootClock, Occasion
from engage_server.services.call_in.call import Answerer
from engage_server.services.call_in.delivery import Delivered, UpstreamDelivery
from engage_server.services.call_in.dispatch import CallIns
from engage_server.services.call_in.from_files import FileAnswers
from engage_server.services.call_in.from_upstream import UpstreamAnswers
from engage_server.services.call_in.upload_spool import UpstreamSpool
from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.folder import DeviceFolders
from engage_server.services.distribution.call_in_shares import CallInShares
from engage_server.services.distribution.lookup import Distribution, Refusal
from engage_server.services.distribution.networks import is_in_networks
from engage_server.services.distribution.snapshot import ServedAnswer, ServedRelease, Snapshot, take_snapshot
from engage_server.services.evidence.devices import DeviceEvidence
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter, claim, segments, spooled_bytes
from engage_server.services.evidence.token_check import TokenCheck
from engage_server.services.evidence.transfer import SightingTransfer, Transferred
from engage_server.services.installation.audit_log import AuditLog, as_told
from engage_server.services.installation.disk_overview import DiskOverview, DiskStatus
from engage_server.services.installation.first_site import Installer
from engage_server.services.installation.overview import Overview
from engage_server.services.releases.confirmation import Confirmations
from engage_server.services.releases.expiry import Expiry, expiries
from engage_server.services.releases.key_file import ReleaseKeyFile
from engage_server.services.releases.lifecycle import Releases
from engage_server.services.releases.serving_hosts import ServingHosts
from engage_server.services.rotation.lifecycle import Rotations
from engage_server.services.sites.enrolment import Enrolment
from engage_server.services.sites.register import Sites
from engage_server.services.vendor.takeover import VendorTakeover
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.engine import create_sqlite_file, only_one, open_engine
from engage_server.store.sealing import ReleaseSealer
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.lock.acceptance.judge import DeviceJudge

# serving/ reaches the services through this module alone, their types too
__all__ = [
    "AuditHead",
    "BootClock",
    "CallInShares",
    "Delivered",
    "DeviceSide",
    "DiskOverview",
    "DiskStatus",
    "Distribution",
    "Expiry",
    "Occasion",
    "OperatorSide",
    "Refusal",
    "ReleaseSealer",
    "ServedAnswer",
    "ServedRelease",
    "SightingKind",
    "SightingTransfer",
    "Sightings",
    "Snapshot",
    "SpoolWriter",
    "Transferred",
    "UpstreamDelivery",
    "as_told",
    "claim",
    "create_installation",
    "derived_release_key",
    "expiries",
    "given_release_key",
    "is_in_networks",
    "make_folder",
    "only_one_init",
    "open_operator_side",
    "segments",
    "serial_from_query",
    "sightings_reserve",
    "spooled_bytes",
    "sweep_temporary_files",
    "token_in",
]


@dataclass(frozen=True, slots=True)
class OperatorSide:
    """The services that the command line calls, and the operators' instance.

    ``close`` gives the database connections back; only who goes on running needs it.
    """

    sites: Sites
    releases: Releases
    installer: Installer
    confirmations: Confirmations
    hosts: ServingHosts
    rotations: Rotations
    evidence: DeviceEvidence
    audit: AuditLog
    overview: Overview
    enrolment: Enrolment
    devices: DeviceExchange
    takeover: VendorTakeover
    release_key: ReleaseKeyFile
    uploads: UpstreamSpool
    disk: DiskOverview
    close: Callable[[], None]


class DeviceSide:
    """What a serving process needs: the distribution, and the way to keep it up to date.

    Args:
        settings: The settings.
        release_sealer: Opens the releases' private keys; None for a process that does no TLS, which opens no secret.

    Raises:
        StoreVersionMismatch: The database is of another version.
        SealBroken: It was sealed with another key.
    """

    def __init__(self, settings: Settings, release_sealer: ReleaseSealer | None) -> None:
        self.distribution = Distribution()
        self._with_tls = release_sealer is not None
        self._port = settings.cert_url_port
        self._store_reserve = store_reserve(settings)
        engine = open_database(settings)
        if release_sealer is not None:
            schema.assert_release_seal(engine, release_sealer)
        self._store = SqlStore(engine, None, release_sealer)

    def generation(self) -> int:
        """The store's generation: when it differs from the snapshot's, take a new one."""
        return self._store.generation()

    def take_snapshot(self, try_out: Callable[[ServedRelease], None] | None = None) -> Snapshot:
        """Read the store. Does not publish.

        Args:
            try_out: Raises EngageError for a release that can not be served; the site's last good one is kept then.
        """
        return take_snapshot(
            self._store,
            self._port,
            with_private_keys=self._with_tls,
            last=self.distribution.snapshot,
            try_out=try_out or (lambda release: None),
        )

    def say_alive(self, status: WorkerStatus) -> None:
        """Tell the store what a worker serves."""
        self._store.say_alive(status)

    def say_gone(self, worker: str) -> None:
        """Tell the store that a worker ends."""
        self._store.say_gone(worker)

    def wait_for_change(self, seconds: float) -> bool:
        """Until something may have changed in the store, and at most so long; False when the time is over."""
        return self._store.wait_for_change(seconds)

    def audit_head(self) -> AuditHead:
        """The audit log's newest entry."""
        return self._store.audit_head()

    def sighting_transfer(self, spool: Path, keep: timedelta, site_key: Callable[[str], Secret]) -> SightingTransfer:
        """The way of what devices did from this host's spool into the store.

        Args:
            spool: Its folder.
            keep: How long the store keeps sightings.
            site_key: Opens the key of a site, to check the tokens of its devices.
        """
        return SightingTransfer(spool, self._store, keep, self._store_reserve, TokenCheck(site_key))

    def call_ins(
        self, settings: Settings, sightings: Sightings, clock: Callable[[], float], tell: Callable[[str], None]
    ) -> CallIns:
        """The door for call-ins.

        Args:
            settings: The settings.
            sightings: Where it is noted what devices did and told.
            clock: Gives the seconds since 1970.
            tell: Called with what operators should hear of.
        """
        folders = DeviceFolders(settings.data_dir, disk_room(settings), DEVICE_SECONDS)
        spool = _upstream_spool(settings)
        ways: dict[CallInWay, Answerer] = {
            CallInWay.FILES: FileAnswers(folders, sightings, settings.max_audit_events),
            CallInWay.UPSTREAM: UpstreamAnswers(
                lambda: self.distribution.snapshot.call_ins,
                spool,
                sightings,
                settings.call_in_threads,
                clock,
                tell,
                settings.max_audit_events,
            ),
        }
        return CallIns(
            self.distribution,
            folders,
            ways,
            sightings,
            clock,
            tell,
            enrolment_days(settings),
            settings.nameless_calls_per_minute,
        )

    def disk(self, settings: Settings) -> DiskOverview:
        """What devices take of this host's disk."""
        return DiskOverview(disk_room(settings), enrolment_days(settings))

    def deliveries(self, settings: Settings, running: Mapping[str, UpstreamDelivery]) -> dict[str, UpstreamDelivery]:
        """For each site that has an upstream system what delivers to it, also while the site is answered from files.

        Args:
            settings: The settings.
            running: What was made before: kept for a site whose upstream system is still the same.
        """
        found: dict[str, UpstreamDelivery] = {}
        for site, call_in in self.distribution.snapshot.call_ins.items():
            if call_in.upstream is None:
                continue
            before = running.get(site)
            found[site] = (
                before
                if before is not None and before.upstream == call_in.upstream
                else UpstreamDelivery(site, _upstream_spool(settings), call_in.upstream)
            )
        return found

    def release_connections(self) -> None:
        """Close all database connections; the next use opens new ones. Needed before a fork."""
        self._store.close()


def open_operator_side(
    settings: Settings, environment: Mapping[str, str], told: Callable[[AuditHead], None] = lambda head: None
) -> OperatorSide:
    """The services on an existing installation.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        told: Called with each entry of the audit log that these services write.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        StoreVersionMismatch: It is of another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: The database was sealed with another one.
    """
    engine = open_database(settings)
    sealer = read_sealer(settings, environment)
    schema.assert_seal(engine, sealer)
    return _operator_side(SqlStore(engine, sealer, told=told), settings)


def create_installation(
    settings: Settings,
    environment: Mapping[str, str],
    actor: str = "engage init",
    told: Callable[[AuditHead], None] = lambda head: None,
) -> OperatorSide:
    """Make the key-encryption key and the database, or bring them up to date, and open them.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        actor: Who does it, for the audit log.
        told: Called with each entry of the audit log that is written.

    Raises:
        NotPossible: A file or the database stood in the way.
        SealBroken: The database was sealed with a key-encryption key that is not there.
    """
    make_folder(settings.data_dir)
    make_folder(settings.certs_dir)
    url = settings.database_url.get_secret_value()
    sealer = ensured_sealer(settings, environment)
    create_sqlite_file(url)
    engine = open_engine(url)
    schema.upgrade(engine, sealer, actor, told)
    return _operator_side(SqlStore(engine, sealer, told=told), settings)


@contextmanager
def only_one_init(settings: Settings) -> Iterator[None]:
    """Keep a second ``engage init`` away while one runs: on this machine, and on the same PostgreSQL.

    One on another machine is waited for; it finds done what the first one did.

    Raises:
        NotPossible: Another one is running.
        StoreNotUsable: The database does not answer.
    """
    with _only_one_here(settings), only_one(open_engine(settings.database_url.get_secret_value())):
        yield


@contextmanager
def _only_one_here(settings: Settings) -> Iterator[None]:
    make_folder(settings.data_dir)
    path = settings.data_dir / ".init.lock"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, SECRET_MODE)
    except OSError as error:
        raise NotPossible(f"{path}: {error.strerror}", "Make the folder writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise NotPossible("another 'engage init' is running here", "Wait for it, then look: engage site list") from None
    finally:
        os.close(descriptor)


def _operator_side(store: SqlStore, settings: Settings) -> OperatorSide:
    sites, releases, confirmations = Sites(store), Releases(store), Confirmations(store)
    rotations = Rotations(store, releases, confirmations, _judge, _throwaway_keys)
    evidence = DeviceEvidence(store)
    devices = DeviceExchange(DeviceFolders(settings.data_dir))
    return OperatorSide(
        sites,
        releases,
        Installer(sites, releases),
        confirmations,
        ServingHosts(store),
        rotations,
        evidence,
        AuditLog(store),
        Overview(store, rotations, confirmations),
        Enrolment(store, sites, store_reserve(settings)),
        devices,
        VendorTakeover(store, sites, releases, devices),
        ReleaseKeyFile(store),
        _upstream_spool(settings),
        DiskOverview(disk_room(settings), enrolment_days(settings)),
        store.close,
    )


def _upstream_spool(settings: Settings) -> UpstreamSpool:
    return UpstreamSpool(disk_room(settings))


def _judge(anchor: AnchorRole) -> "DeviceJudge":
    from engage_server.lock.acceptance.judge import DeviceJudge  # most commands judge nothing, and start the sooner
    from engage_server.lock.limits import DeviceLimits

    return DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)


def _throwaway_keys(count: int) -> list[rsa.RSAPrivateKey]:
    """All cores at once: a key takes a tenth of a second and more."""
    with ThreadPoolExecutor() as executor:
        return list(executor.map(lambda _: generate_key(), range(count)))
