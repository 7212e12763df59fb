"""The services about what lies on this host alone: devices' files and uploads, and what calls met here.

Each is imported and built when first used.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from engage_server.settings import Settings
from engage_server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool
    from engage_server.services.device_files.exchange import DeviceExchange
    from engage_server.services.device_files.fault_journal import FaultJournal
    from engage_server.services.device_files.upload_feed import UploadFeed
    from engage_server.services.installation.disk_overview import DiskOverview
    from engage_server.services.kpn_devices.ingress_copy import IngressCopy
    from engage_server.services.shared_files.for_devices import EitherFiles
    from engage_server.services.shared_files.moving import SharedMoving
    from engage_server.services.shared_files.place import CopyPlace
    from engage_server.services.shared_files.retention import UploadRetention
    from engage_server.services.sites.device_file_change import DeviceFileChange
    from engage_server.services.waiting.refused_uploads import RefusedUploads
    from engage_server.services.waiting.standing import Waiting
    from engage_server.store.interface.shared_files import SharedFileStore, SharedStanding


class HostSide:
    """Those services.

    Args:
        store: The store, with the key that opens its secrets.
        settings: The settings.
    """

    def __init__(self, store: SqlStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    @cached_property
    def devices(self) -> "DeviceExchange":
        """Imports and exports devices' files."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.exchange import EitherExchange

        return EitherExchange(DeviceFolders(self._settings.data_dir), self._store)

    @cached_property
    def devices_in_database(self) -> "DeviceExchange":
        """The same, but imports go into the database, also for a site that is not answered from it yet."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.exchange import EitherExchange

        return EitherExchange(DeviceFolders(self._settings.data_dir), self._store, into_database=True)

    @cached_property
    def shared_moving(self) -> "SharedMoving":
        """Moves devices' files between this host and the database."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.moving import SharedMoving

        return SharedMoving(self._store, DeviceFolders(self._settings.data_dir), self._settings.data_dir)

    def shared_copy(self, site: str) -> tuple["CopyPlace", "SharedStanding | None"]:
        """How far the copy of a site has come on this host, and how far its files in the database."""
        from engage_server.services.shared_files.place import read_place

        return read_place(self._settings.data_dir, site), self._store.shared_standing(site)

    @property
    def shared_files(self) -> "SharedFileStore":
        """The files that all hosts share, in the database."""
        return self._store

    @cached_property
    def upload_retention(self) -> "UploadRetention":
        """Removes old uploads from the database."""
        from engage_server.services.shared_files.retention import UploadRetention

        days = self._settings.shared_upload_days
        return UploadRetention(self._store, None if days is None else timedelta(days=days))

    @property
    def is_for_one_host(self) -> bool:
        """Whether the database is a file of this host: then there is no other host to share files with."""
        from engage_server.store.database.engine import sqlite_path

        return sqlite_path(self._settings.database_url.reveal()) is not None

    @cached_property
    def files_for_devices(self) -> "EitherFiles":
        """The files that operators give to devices."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.for_devices import EitherFiles

        return EitherFiles(DeviceFolders(self._settings.data_dir), self._store)

    @cached_property
    def device_file_change(self) -> "DeviceFileChange":
        """Changes those files."""
        from engage_server.services.shared_files.for_devices import EitherFileChange

        return EitherFileChange(self._store, self.files_for_devices)

    @cached_property
    def upload_feed(self) -> "UploadFeed":
        """What devices uploaded, in the order in which it came."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.feed import EitherFeed

        return EitherFeed(self._settings.data_dir, DeviceFolders(self._settings.data_dir), self._store)

    @cached_property
    def uploads(self) -> "UpstreamSpool":
        """Uploads that wait for partners' systems."""
        from engage_server.composition.disk_space import disk_room
        from engage_server.services.call_in.delivering.upload_spool import UpstreamSpool

        return UpstreamSpool(disk_room(self._settings))

    @cached_property
    def call_faults(self) -> "FaultJournal":
        """Why call-ins were not answered on this host."""
        from engage_server.services.device_files.fault_journal import FaultJournal

        return FaultJournal(self._settings.faults_dir)

    def balancers_address(self, now: datetime) -> str:
        """The address of a balancer that seems to hide those of all doors. "" for none, or if one is named."""
        from engage_server.services.evidence.callers import balancers_address

        return "" if self._settings.proxy_protocol_from else balancers_address(self._store, now)

    @cached_property
    def disk(self) -> "DiskOverview":
        """Measures how much of this host's disk devices take."""
        from engage_server.composition.disk_space import disk_room, enrolment_days
        from engage_server.services.installation.disk_overview import DiskOverview

        return DiskOverview(disk_room(self._settings), enrolment_days(self._settings))

    @cached_property
    def refused_uploads(self) -> "RefusedUploads":
        """Uploads that partners' systems refused."""
        from engage_server.services.waiting.refused_uploads import RefusedUploads

        return RefusedUploads(self._store, self.uploads)

    @cached_property
    def waiting(self) -> "Waiting":
        """What waits on this host."""
        from engage_server.services.device_files.folder import DeviceFolders
        from engage_server.services.shared_files.waiting import EitherWaiting

        return EitherWaiting(self.uploads, DeviceFolders(self._settings.data_dir), self._store)

    @cached_property
    def ingress_copy(self) -> "IngressCopy":
        """Keeps the copy of the link tables that the ingress reads."""
        from engage_server.services.kpn_devices.ingress_copy import IngressCopy

        return IngressCopy(self._settings.links_dir, self._store)
