"""Builds, from the settings, the limits of devices on this host's disk."""

import time

from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.disk_space.room import DiskLimits, DiskRoom
from engage_server.services.disk_space.use import sweep
from engage_server.services.sites.enrolment_days import EnrolmentDays
from engage_server.settings import Settings
from engage_server.store.database.engine import sqlite_path

_MIB = 1024 * 1024


def disk_room(settings: Settings) -> DiskRoom:
    """Return the limits of how much of this host's disk devices may take."""
    limits = DiskLimits(
        settings.device_disk_mib * _MIB,
        settings.site_disk_mib * _MIB,
        settings.devices_disk_mib * _MIB,
        settings.upstream_spool_max_mib * _MIB,
        settings.disk_reserve_mib * _MIB,
    )
    return DiskRoom(settings.data_dir, settings.upstream_spool_dir, settings.disk_book, limits, time.time)


def enrolment_days(settings: Settings) -> EnrolmentDays:
    """Return the limit of unknown devices that are enrolled per day."""
    reserve = DiskReserve(settings.data_dir, settings.disk_reserve_mib * _MIB)
    return EnrolmentDays(settings.enrolled_dir, settings.enroll_per_day, reserve, time.time)


def sightings_reserve(settings: Settings) -> DiskReserve:
    """Return how much sightings leave free on the disk: half of what uploads do."""
    return DiskReserve(settings.spool_dir, settings.disk_reserve_mib * _MIB).half()


def store_reserve(settings: Settings) -> DiskReserve | None:
    """Return how much sightings leave free beside the database. None if it is not a file of this machine."""
    path = sqlite_path(settings.database_url.reveal())
    return None if path is None else DiskReserve(path.parent, settings.disk_reserve_mib * _MIB).half()


def sweep_temporary_files(settings: Settings) -> int:
    """Remove the files that killed processes left in the data folder. Return how many there were."""
    return sweep(settings.data_dir, time.time())
