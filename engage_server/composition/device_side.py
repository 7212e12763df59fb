"""The parts of the store and the services that a serving process needs.

The supervisor of a pair reads the store only once. The modules that answer call-ins and store sightings are imported
only for the instances: see :func:`.starting.early_imports.import_services`.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from engage_server.composition.disk_space import disk_room, enrolment_days, store_reserve
from engage_server.composition.shared_files import database_deliveries, shared_answers, shared_copies
from engage_server.composition.starting.served_copy import (
    CopyWriter,
    open_database_to_start,
    open_to_start,
)
from engage_server.errors import StoreNotUsable
from engage_server.file_locks import DEVICE_SECONDS
from engage_server.records import (
    DEVICE_LISTENERS,
    LIVE_WITHIN,
    AuditHead,
    CallInWay,
    Secret,
    StoreLook,
    SwitchTerms,
    Upstream,
    WorkerStatus,
)
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot, take_snapshot
from engage_server.settings import Settings
from engage_server.store import schema
from engage_server.store.database import same_installation
from engage_server.store.sealing import ReleaseSealer
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.composition.keys.watch import KeyWatch
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.call_in.call import Answerer
    from engage_server.services.call_in.delivering.delivery import Destination, UploadDelivery
    from engage_server.services.call_in.dispatch import CallIns
    from engage_server.services.evidence.sightings import Sightings
    from engage_server.services.evidence.transfer import SightingTransfer
    from engage_server.services.installation.disk_overview import DiskOverview
    from engage_server.services.shared_files.copies import SharedCopies
    from engage_server.store.interface import SharedFileStore

_OF_COPY = -1
_KEPT_BYTES = 16 * 1024 * 1024  # of sightings that are stored: about 100,000


class DeviceSide:
    """The parts that a serving process needs: the distribution, and the means to keep it up to date.

    Args:
        settings: The settings.
        release_sealer: Opens the releases' private keys. None for a process without TLS, which opens no secret.
        installation: The database must be this installation's. None: any one's.
        away: As for :func:`.served_copy.open_to_start`.

    Attributes:
        installation: Whose database it is.
        copy: This host's copy, because the database did not answer. :meth:`take_snapshot` reads it the first time.
            Everything else asks the database. None: the database answers.

    Raises:
        StoreNotUsable: It does not answer, and there is no copy, or ``installation`` is given. Or it is another
            installation's.
        StoreVersionMismatch: The database was made by another version.
        SealBroken: It was sealed with another key.
    """

    def __init__(
        self,
        settings: Settings,
        release_sealer: ReleaseSealer | None,
        installation: bytes | None = None,
        away: StoreNotUsable | None = None,
    ) -> None:
        self.distribution = Distribution()
        self._with_tls = release_sealer is not None
        self._port = settings.cert_url_port
        self._store_reserve = store_reserve(settings)
        with open_to_start(settings, away) if installation is None else open_database_to_start(settings) as start:
            if release_sealer is not None:
                with start.opening_seals():
                    schema.assert_release_seal(start.first, release_sealer)
            self.installation = start.installation()
            if self.installation != (installation or self.installation):
                raise same_installation.another_installation()
        self.copy = start.copy
        self._engine = start.database
        self._store = SqlStore(start.database, None, release_sealer)
        self._copied = None if start.copy is None else SqlStore(start.copy.engine, None, release_sealer)

    def generation(self) -> int:
        """Return the store's generation. If it differs from the snapshot's, take a new snapshot."""
        return self._store.generation()

    @property
    def hears_changes(self) -> bool:
        """Whether the database announces changes, so that :meth:`wait_for_change` returns at once."""
        return self._engine.dialect.name == "postgresql"

    def look(self) -> StoreLook:
        """Return the store's generation, what is announced, and the database's time.

        Raises:
            StoreNotUsable: It does not answer. Or it is another installation's since, which has other site keys: what
                it gives, no door would accept. So does each other use of the store then.
        """
        return self._store.look()

    def assert_same_installation(self) -> None:
        """Refuse what needs no database, if the last use of the database found another installation.

        Raises:
            StoreNotUsable: It did.
        """
        same_installation.assert_installation(self._engine)

    def take_snapshot(self, try_out: Callable[[ServedRelease], None] | None = None) -> Snapshot:
        """Read the store, or :attr:`copy` the first time. Does not publish.

        What comes from the copy has a generation that no store has, so that the first look replaces it.

        Args:
            try_out: Raises EngageError for a release that cannot be served. The site's last good one is then kept.
        """
        copied, self._copied = self._copied, None
        found = take_snapshot(
            copied or self._store,
            self._port,
            with_private_keys=self._with_tls,
            last=self.distribution.snapshot,
            try_out=try_out or (lambda release: None),
        )
        return found if copied is None else replace(found, generation=_OF_COPY)

    def is_served(self) -> bool:
        """Whether any worker, of this host or another one, has reported lately that it serves devices."""
        return any(each.listener in DEVICE_LISTENERS for each in self._store.workers(LIVE_WITHIN))

    def heartbeat(self, status: WorkerStatus) -> None:
        """Record in the store what a worker serves."""
        self._store.heartbeat(status)

    def prepared(self, status: WorkerStatus, terms: SwitchTerms) -> None:
        """Record what a worker could serve at once, and decide the moment if everybody is prepared."""
        self._store.prepared(status, terms)

    def agree(self, terms: SwitchTerms) -> bool:
        """Decide the moment of the announced change if nobody is waited for any longer."""
        return self._store.agree(terms)

    def remove_worker(self, worker: str) -> None:
        """Record in the store that a worker ends."""
        self._store.remove_worker(worker)

    def report_spool(self, host: str, waiting_bytes: int, copy_behind: timedelta | None) -> None:
        """Record in the store how much waits on a host's disk alone, and how old its copy of shared files is."""
        self._store.report_spool(host, waiting_bytes, copy_behind)

    def leave_spool(self, host: str, spool: Path) -> None:
        """Record in the store what a worker that signs off leaves in its host's spool. Nothing: do nothing.

        That nothing waits is for the operators' instance to say, which stores it.
        """
        from engage_server.services.evidence.spool import waiting_bytes

        if left := waiting_bytes(spool, self._store.spool_offsets):
            self._store.report_spool(host, left)

    def wait_for_change(self, seconds: float) -> bool:
        """Wait until something may have changed in the store, or the time is over: then return False."""
        return self._store.wait_for_change(seconds)

    def audit_head(self) -> AuditHead:
        """Return the audit log's newest entry."""
        return self._store.audit_head()

    def operator_side(
        self, settings: Settings, environment: Mapping[str, str], told: Callable[[AuditHead], None]
    ) -> "OperatorSide":
        """Return the operators' services on the same connections, for what a serving process does by itself.

        Args:
            settings: The settings.
            environment: For the key-encryption key.
            told: Called with each entry of the audit log that these services write.

        Raises:
            SettingsInvalid: There is no key-encryption key.
            SealBroken: The database was sealed with another one.
        """
        from engage_server.composition.operator_side import operator_side_on

        return operator_side_on(self._engine, settings, environment, told)

    def key_watch(self, settings: Settings, environment: Mapping[str, str]) -> "KeyWatch":
        """Return the object that reports what the source of the key-encryption key gives.

        Args:
            settings: The settings.
            environment: For the key-encryption key.
        """
        from engage_server.composition.keys.watch import KeyWatch

        return KeyWatch(self._engine, settings, environment)

    def sighting_transfer(self, spool: Path, keep: timedelta, site_key: Callable[[str], Secret]) -> "SightingTransfer":
        """Return the object that moves sightings from this host's spool to the store.

        Args:
            spool: The spool's folder.
            keep: How long the store keeps sightings.
            site_key: Opens the key of a site, to check the tokens of its devices.
        """
        from engage_server.services.evidence.token_check import TokenCheck
        from engage_server.services.evidence.transfer import SightingTransfer

        # a database on another machine may fail over to a standby that had not received everything
        kept_bytes = _KEPT_BYTES if self._store_reserve is None else 0
        return SightingTransfer(spool, self._store, keep, self._store_reserve, TokenCheck(site_key), kept_bytes)

    def call_ins(
        self, settings: Settings, sightings: "Sightings", clock: Callable[[], float], tell: Callable[[str], None]
    ) -> "CallIns":
        """Return the object that answers call-ins.

        Args:
            settings: The settings.
            sightings: Records what devices did and reported.
            clock: Returns the seconds since 1970.
            tell: Called with a sentence that operators should read.
        """
        from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
        from engage_server.services.call_in.dispatch import CallIns
        from engage_server.services.call_in.from_files import FileAnswers
        from engage_server.services.call_in.from_upstream import UpstreamAnswers
        from engage_server.services.device_files.fault_journal import FaultJournal
        from engage_server.services.device_files.folder import DeviceFolders

        folders = DeviceFolders(settings.data_dir, disk_room(settings), DEVICE_SECONDS)
        spool = UpstreamSpool(disk_room(settings))
        ways: dict[CallInWay, Answerer] = {
            CallInWay.FILES: FileAnswers(folders, sightings, settings.max_audit_events),
            CallInWay.SHARED: shared_answers(settings, sightings),
            CallInWay.UPSTREAM: UpstreamAnswers(
                call_ins=lambda: self.distribution.snapshot.call_ins,
                spool=spool,
                sightings=sightings,
                threads=settings.call_in_threads,
                clock=clock,
                tell=tell,
                max_events=settings.max_audit_events,
            ),
        }
        return CallIns(
            distribution=self.distribution,
            folders=folders,
            ways=ways,
            sightings=sightings,
            clock=clock,
            tell=tell,
            enrolment=enrolment_days(settings),
            nameless_per_minute=settings.nameless_calls_per_minute,
            journal=FaultJournal(settings.faults_dir),
        )

    def disk(self, settings: Settings) -> "DiskOverview":
        """Return what measures how much of this host's disk devices take."""
        from engage_server.services.installation.disk_overview import DiskOverview

        return DiskOverview(disk_room(settings), enrolment_days(settings))

    def deliveries(
        self,
        settings: Settings,
        running: Mapping[tuple[str, str], "UploadDelivery"],
        store: Callable[[], "SharedFileStore"],
    ) -> dict[tuple[str, str], "UploadDelivery"]:
        """Return the deliveries of each site, by site and destination. How it answers now does not matter.

        What was accepted for an upstream system goes there. What was accepted for the database goes into it, or into
        folders: see :func:`.shared_files.database_deliveries`.

        Args:
            settings: The settings.
            running: The result of the last call. A delivery is kept if its destination is still the same.
            store: Gives the store, with the key that seals its secrets. Called if a site shares its files.
        """
        from engage_server.services.call_in.delivering.delivery import UpstreamDelivery, UpstreamDestination
        from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
        from engage_server.services.device_files.fault_journal import FaultJournal

        journal = FaultJournal(settings.faults_dir)
        call_ins = self.distribution.snapshot.call_ins
        found = database_deliveries(settings, store, call_ins, running)
        for site, call_in in call_ins.items():
            if call_in.upstream is None:
                continue
            before = running.get(key := (site, UpstreamDestination.name))
            is_same = before is not None and _goes_to(before.destination, call_in.upstream)
            found[key] = (
                before
                if before is not None and is_same
                else UpstreamDelivery(site, UpstreamSpool(disk_room(settings)), call_in.upstream, journal)
            )
        return found

    def shares_files(self) -> bool:
        """Whether any site shares its files, as far as this process knows."""
        return any(each.way is CallInWay.SHARED for each in self.distribution.snapshot.call_ins.values())

    def end_shared_copies(self, settings: Settings) -> None:
        """No site shares its files: a copy of earlier is none any more."""
        from engage_server.services.shared_files.place import STATE

        for site in self.distribution.snapshot.call_ins:
            (settings.data_dir / site / STATE).unlink(missing_ok=True)

    def shared_copies(
        self,
        settings: Settings,
        store: "SharedFileStore",
        tell: Callable[[str, str, str], None],
        clock: Callable[[], datetime],
    ) -> "SharedCopies":
        """Return what copies the files that all hosts share to this host.

        Args:
            settings: The settings.
            store: The store, with the key that opens its secrets.
            tell: Called with a site, a device and a sentence that operators should read.
            clock: Gives the time, timezone-aware.
        """
        return shared_copies(settings, store, lambda: self.distribution.snapshot.call_ins, tell, clock)

    def served_copy(self, settings: Settings) -> CopyWriter:
        """Return what keeps this host's copy of what devices are answered."""
        return CopyWriter(self._engine, settings)

    def release_connections(self) -> None:
        """Close all database connections. The next use opens new ones. Call it before a fork."""
        self._store.close()


def _goes_to(destination: "Destination", upstream: Upstream) -> bool:
    from engage_server.services.call_in.delivering.delivery import UpstreamDestination

    return isinstance(destination, UpstreamDestination) and destination.upstream == upstream


def store_spool(settings: Settings, store: SqlStore, site_key: Callable[[str], Secret]) -> None:
    """Store what this host's spool holds, as the operators' instance does all the time. Without a spool, do nothing.

    Args:
        settings: The settings.
        store: The store.
        site_key: Returns the key of a site, with which tokens are checked.

    Raises:
        Conflict: Another process stores it.
    """
    from engage_server.services.evidence.spool import claim
    from engage_server.services.evidence.token_check import TokenCheck
    from engage_server.services.evidence.transfer import SightingTransfer

    if not settings.spool_dir.is_dir():
        return
    held = claim(settings.spool_dir)
    try:
        keep = timedelta(days=settings.sighting_days)
        transfer = SightingTransfer(settings.spool_dir, store, keep, None, TokenCheck(site_key))
        transfer.run(datetime.now(UTC))
        host = socket.gethostname()
        if any(each.host == host for each in store.spools()):  # what it left when it signed off is stored now
            store.report_spool(host, transfer.waiting_bytes())
    finally:
        os.close(held)
