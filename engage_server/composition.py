"""The one place that builds the store and the services, and connects them."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import Conflict, NotPossible, SettingsInvalid, StoreNotUsable
from engage_server.pki.keys import generate_key
from engage_server.protocol.device_token import token_in
from engage_server.protocol.serial_number import serial_from_query
from engage_server.records import AnchorRole, CallInWay, Secret, SightingKind, WorkerStatus
from engage_server.records.variables import KEK_VARIABLE
from engage_server.services.audit import BootClock, Occasion
from engage_server.services.audit_log import AuditLog
from engage_server.services.call_in import Answerer, CallIns
from engage_server.services.confirmation import Confirmations
from engage_server.services.device_evidence import DeviceEvidence
from engage_server.services.device_exchange import DeviceExchange
from engage_server.services.device_folder import DeviceFolders
from engage_server.services.distribution import Distribution, Refusal
from engage_server.services.durable_files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.services.enrolment import Enrolment
from engage_server.services.expiry import Expiry, expiries
from engage_server.services.file_answers import FileAnswers
from engage_server.services.installation import Installer
from engage_server.services.networks import is_in_networks
from engage_server.services.overview import Overview
from engage_server.services.releases import Releases
from engage_server.services.rotation import Rotations
from engage_server.services.sighting_transfer import SightingTransfer, Transferred
from engage_server.services.sightings import Sightings
from engage_server.services.sites import Sites
from engage_server.services.snapshot import ServedAnswer, ServedRelease, Snapshot, take_snapshot
from engage_server.services.spool import SpoolWriter, claim, segments, spooled_bytes
from engage_server.services.token_check import TokenCheck
from engage_server.services.upstream_answers import UpstreamAnswers
from engage_server.services.upstream_delivery import Delivered, UpstreamDelivery
from engage_server.services.upstream_spool import UpstreamSpool
from engage_server.services.vendor_takeover import VendorTakeover
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.engine import create_sqlite_file, open_engine, sqlite_file_missing
from engage_server.store.sealing import Sealer, new_key_encryption_key
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.lock.judge import DeviceJudge

# serving/ reaches the services through this module alone, their types too
__all__ = [
    "BootClock",
    "Delivered",
    "DeviceSide",
    "Distribution",
    "Expiry",
    "Occasion",
    "OperatorSide",
    "Refusal",
    "ServedAnswer",
    "ServedRelease",
    "SightingKind",
    "SightingTransfer",
    "Sightings",
    "Snapshot",
    "SpoolWriter",
    "Transferred",
    "UpstreamDelivery",
    "claim",
    "create_installation",
    "expiries",
    "is_in_networks",
    "make_folder",
    "only_one_init",
    "open_operator_side",
    "segments",
    "serial_from_query",
    "spooled_bytes",
    "token_in",
]

_MAX_KEK_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class OperatorSide:
    """The services that the command line calls, and the operators' instance.

    ``close`` gives the database connections back; only who goes on running needs it.
    """

    sites: Sites
    releases: Releases
    installer: Installer
    confirmations: Confirmations
    rotations: Rotations
    evidence: DeviceEvidence
    audit: AuditLog
    overview: Overview
    enrolment: Enrolment
    devices: DeviceExchange
    takeover: VendorTakeover
    uploads: UpstreamSpool
    close: Callable[[], None]


class DeviceSide:
    """What a serving process needs: the distribution, and the way to keep it up to date.

    Args:
        settings: The settings.
        environment: For the key-encryption key.
        with_tls: Whether this process does TLS. One that does not never opens a private key.

    Raises:
        StoreVersionMismatch: The database is of another version.
        SealBroken: It was sealed with another key-encryption key.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], *, with_tls: bool) -> None:
        self.distribution = Distribution()
        self._with_tls = with_tls
        self._port = settings.cert_url_port
        self._store = _open_store(settings, environment, with_secrets=with_tls)

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

    def wait_for_change(self, seconds: float) -> None:
        """Until something may have changed in the store, and at most so long."""
        self._store.wait_for_change(seconds)

    def sighting_transfer(self, spool: Path, keep: timedelta, site_key: Callable[[str], Secret]) -> SightingTransfer:
        """The way of what devices did from this host's spool into the store.

        Args:
            spool: Its folder.
            keep: How long the store keeps sightings.
            site_key: Opens the key of a site, to check the tokens of its devices.
        """
        return SightingTransfer(spool, self._store, keep, TokenCheck(site_key))

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
        folders = DeviceFolders(settings.data_dir)
        spool = _upstream_spool(settings)
        ways: dict[CallInWay, Answerer] = {
            CallInWay.FILES: FileAnswers(folders, sightings),
            CallInWay.UPSTREAM: UpstreamAnswers(
                lambda: self.distribution.snapshot.call_ins, spool, sightings, settings.call_in_threads
            ),
        }
        return CallIns(self.distribution, folders, ways, sightings, clock, tell)

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


def open_operator_side(settings: Settings, environment: Mapping[str, str]) -> OperatorSide:
    """The services on an existing installation.

    Raises:
        StoreNotUsable: There is no database, or it does not answer.
        StoreVersionMismatch: It is of another version.
        SettingsInvalid: There is no key-encryption key.
        SealBroken: The database was sealed with another one.
    """
    return _operator_side(_open_store(settings, environment, with_secrets=True), settings)


def create_installation(settings: Settings, environment: Mapping[str, str]) -> OperatorSide:
    """Make the key-encryption key and the database, or bring them up to date, and open them.

    Raises:
        NotPossible: A file or the database stood in the way.
        SealBroken: The database was sealed with a key-encryption key that is not there.
    """
    make_folder(settings.data_dir)
    make_folder(settings.certs_dir)
    url = settings.database_url.get_secret_value()
    sealer = _ensured_sealer(settings, environment)
    create_sqlite_file(url)
    engine = open_engine(url)
    schema.upgrade(engine, sealer)
    return _operator_side(SqlStore(engine, sealer), settings)


@contextmanager
def only_one_init(settings: Settings) -> Iterator[None]:
    """Keep a second ``engage init`` on this machine away while one runs.

    Raises:
        NotPossible: Another one is running.
    """
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
        rotations,
        evidence,
        AuditLog(store),
        Overview(store, rotations, confirmations),
        Enrolment(store, sites),
        devices,
        VendorTakeover(store, sites, releases, devices),
        _upstream_spool(settings),
        store.close,
    )


def _upstream_spool(settings: Settings) -> UpstreamSpool:
    return UpstreamSpool(settings.upstream_spool_dir, settings.upstream_spool_max_mib * 1024 * 1024)


def _judge(anchor: AnchorRole) -> "DeviceJudge":
    from engage_server.lock.judge import DeviceJudge  # most commands judge nothing, and start the sooner
    from engage_server.lock.limits import DeviceLimits

    return DeviceJudge(DeviceLimits(), accepts_partial_chain=anchor is AnchorRole.INTERMEDIATE)


def _throwaway_keys(count: int) -> list[rsa.RSAPrivateKey]:
    """All cores at once: a key takes a tenth of a second and more."""
    with ThreadPoolExecutor() as executor:
        return list(executor.map(lambda _: generate_key(), range(count)))


def _open_store(settings: Settings, environment: Mapping[str, str], *, with_secrets: bool) -> SqlStore:
    url = settings.database_url.get_secret_value()
    if sqlite_file_missing(url):
        raise StoreNotUsable(
            f"there is no installation here: {url.removeprefix('sqlite:///')} does not exist",
            "Make one with 'engage init', or name its settings file: --config FILE.",
        )
    engine = open_engine(url)
    schema.assert_current(engine)
    if not with_secrets:
        return SqlStore(engine, None)
    sealer = _sealer(settings, environment)
    schema.assert_seal(engine, sealer)
    return SqlStore(engine, sealer)


def _sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    from_environment = environment.get(KEK_VARIABLE)
    if from_environment is not None:
        return Sealer.from_text(from_environment.encode(), KEK_VARIABLE)
    path = settings.key_encryption_key_file
    if not path.exists():
        raise SettingsInvalid(
            f"the key-encryption key {path} is missing",
            "Restore it from its backup: nothing else opens the sealed site keys and private keys.",
        )
    return Sealer.from_text(read_file(path, limit=_MAX_KEK_FILE_BYTES), str(path))


def _ensured_sealer(settings: Settings, environment: Mapping[str, str]) -> Sealer:
    path = settings.key_encryption_key_file
    if KEK_VARIABLE not in environment and not path.exists():
        _assert_no_database(settings, path)
        make_folder(path.parent)
        with suppress(Conflict):  # made by someone else just now: use theirs
            write_new_file(path, new_key_encryption_key(), SECRET_MODE)
    return _sealer(settings, environment)


def _assert_no_database(settings: Settings, path: Path) -> None:
    """A fresh key beside an existing database could open nothing in it, and would hide that the old one is lost."""
    url = settings.database_url.get_secret_value()
    if not sqlite_file_missing(url) and schema.is_sealed(open_engine(url)):
        raise SettingsInvalid(
            f"the key-encryption key {path} is missing, but its database is there",
            "Restore the key from its backup. To begin anew instead, use another database.",
        )
