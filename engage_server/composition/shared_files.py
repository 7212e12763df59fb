"""Builds what keeps the files of devices that all hosts share: see decision 69."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from engage_server.composition.disk_space import disk_room
from engage_server.file_locks import DEVICE_SECONDS
from engage_server.records import CallIn, CallInWay
from engage_server.settings import Settings

if TYPE_CHECKING:
    from engage_server.services.call_in.delivering.delivery import Destination, UploadDelivery
    from engage_server.services.call_in.from_shared import SharedAnswers
    from engage_server.services.evidence.sightings import Sightings
    from engage_server.services.shared_files.copies import SharedCopies
    from engage_server.store.interface import SharedFileStore

_MIB = 1024 * 1024


def shared_answers(settings: Settings, sightings: "Sightings") -> "SharedAnswers":
    """Return what answers devices of sites with shared files."""
    from engage_server.services.call_in.delivering.upload_spool import FOR_DATABASE, UpstreamSpool
    from engage_server.services.call_in.from_shared import SharedAnswers
    from engage_server.services.device_files.folder import DeviceFolders
    from engage_server.services.shared_files.place import has_heard_lately, read_place

    folders = DeviceFolders(settings.data_dir, disk_room(settings), DEVICE_SECONDS)
    spool = UpstreamSpool(disk_room(settings), waiting=FOR_DATABASE)

    def is_copied(site: str, serial: str) -> bool:
        place = read_place(settings.data_dir, site)
        return place.is_complete and serial not in place.again

    def is_newest(site: str) -> bool:
        return has_heard_lately(settings.data_dir, site, time.time())

    return SharedAnswers(folders, spool, is_copied, sightings, settings.max_audit_events, is_newest=is_newest)


def shared_copies(
    settings: Settings,
    store: "SharedFileStore",
    call_ins: Callable[[], Mapping[str, CallIn]],
    tell: Callable[[str, str, str], None],
    clock: Callable[[], datetime],
) -> "SharedCopies":
    """Return what keeps this host's copies.

    Args:
        settings: The settings.
        store: The store, with the key that opens its secrets.
        call_ins: Gives the sites' current settings for call-ins.
        tell: Called with a site, a device and a sentence that operators should read. ``engage status`` shows it, too.
        clock: Gives the time, timezone-aware.
    """
    from engage_server.services.device_files.fault_journal import NO_DEVICE, CallFault, FaultJournal
    from engage_server.services.device_files.folder import DeviceFolders
    from engage_server.services.shared_files.copies import SharedCopies
    from engage_server.services.shared_files.copy import SharedCopy

    journal = FaultJournal(settings.faults_dir)

    def tell_all(site: str, serial: str, fault: str) -> None:
        journal.record(site, CallFault(clock(), serial or NO_DEVICE, fault))
        tell(site, serial, fault)

    copy = SharedCopy(store, DeviceFolders(settings.data_dir), settings.data_dir)

    def sites() -> dict[str, bool]:
        return {name: each.way is CallInWay.SHARED for name, each in call_ins().items()}

    return SharedCopies(store, copy, sites, tell_all)


def database_deliveries(
    settings: Settings,
    store: Callable[[], "SharedFileStore"],
    call_ins: Mapping[str, CallIn],
    running: Mapping[tuple[str, str], "UploadDelivery"],
) -> dict[tuple[str, str], "UploadDelivery"]:
    """Return the deliveries of what was accepted for the database, by site and destination.

    A site that is answered from files again gets the rest into its folders: nobody looks into the database then.

    Args:
        settings: The settings.
        store: Gives the store, with the key that seals its secrets.
        call_ins: How sites answer.
        running: The result of the last call. A delivery is kept if its destination is still the same.
    """
    from engage_server.services.call_in.delivering.delivery import UploadDelivery
    from engage_server.services.call_in.delivering.upload_spool import FOR_DATABASE, UpstreamSpool
    from engage_server.services.device_files.fault_journal import FaultJournal

    found: dict[tuple[str, str], UploadDelivery] = {}
    for site, call_in in call_ins.items():
        if call_in.way is not CallInWay.SHARED and not (settings.upstream_spool_dir / site / FOR_DATABASE).is_dir():
            continue
        destination = _folders(settings) if call_in.way is CallInWay.FILES else _database(settings, store())
        key = site, destination.name
        spool = UpstreamSpool(disk_room(settings), waiting=FOR_DATABASE)
        found[key] = running.get(key) or UploadDelivery(site, spool, destination, FaultJournal(settings.faults_dir))
    return found


def _database(settings: Settings, store: "SharedFileStore") -> "Destination":
    from engage_server.services.shared_files.destinations import StoreDestination
    from engage_server.store.interface.shared_files import UploadLimits

    limits = UploadLimits(settings.device_disk_mib * _MIB, settings.site_disk_mib * _MIB)
    return StoreDestination(store, limits, settings.max_audit_events)


def _folders(settings: Settings) -> "Destination":
    from engage_server.services.device_files.folder import DeviceFolders
    from engage_server.services.shared_files.destinations import FolderDestination

    return FolderDestination(DeviceFolders(settings.data_dir, disk_room(settings)), settings.max_audit_events)
