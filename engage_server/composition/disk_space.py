"""Makes what limits devices on this host's disk, from the settings."""

import time

from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.services.disk_space.room import DiskLimits, DiskRoom
from engage_server.services.disk_space.use import sweep
from engage_server.services.sites.enrolment_days import EnrolmentDays
from engage_server.settings import Settings
from engage_server.store.database.engine import sqlite_path

_MIB = 1024 * 1024


def disk_room(settings: Settings) -> DiskRoom:
    """What devices may take of this host's disk."""
    limits = DiskLimits(
        settings.device_disk_mib * _MIB,
        settings.site_disk_mib * _MIB,
        settings.devices_disk_mib * _MIB,
        settings.upstream_spool_max_mib * _MIB,
        settings.disk_reserve_mib * _MIB,
    )
    return DiskRoom(settings.data_dir, settings.upstream_spool_dir, settings.disk_book, limits, time.time)


def enrolment_days(settings: Settings) -> EnrolmentDays:
    """How many unknown devices are taken in."""
    reserve = DiskReserve(settings.data_dir, settings.disk_reserve_mib * _MIB)
    return EnrolmentDays(settings.enrolled_dir, settings.enroll_per_day, reserve, time.time)


def sightings_reserve(settings: Settings) -> DiskReserve:
    """What sightings leave free on the disk: half of what uploads do."""
    return DiskReserve(settings.spool_dir, settings.disk_reserve_mib * _MIB).half()


def store_reserve(settings: Settings) -> DiskReserve | None:
    """What sightings leave free beside the database; None for one that is no file of this machine."""
    path = sqlite_path(settings.database_url.reveal())
    return None if path is None else DiskReserve(path.parent, settings.disk_reserve_mib * _MIB).half()


def sweep_temporary_files(settings: Settings) -> int:
    """Take away what killed processes left in the folder of data; how many files there were."""
    return sweep(settings.data_dir, time.time())
