"""Chooses where the ingress keeps events, and where it reads the link tables: files of this host, or PostgreSQL."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from engage_server.composition.links.key import LinkKey
from engage_server.errors import EngageError
from engage_server.file_locks import locked
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.journal.database_desk import DatabaseDesk
from engage_server.links.journal.desk import Journal, LinkTables
from engage_server.links.journal.registration import register_links
from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.links.registry.links_file import LinksFile
from engage_server.records import PathEvent
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.settings import Settings
from engage_server.store.interface import IngressTables

_MIB = 1024 * 1024


class ToldJournal:
    """The spool, which reports, once each, that events cannot be kept, and that they can be again.

    Args:
        journal: The journal.
        log: Where it reports.
    """

    def __init__(self, journal: SpoolJournal, log: logging.Logger) -> None:
        self._journal = journal
        self._log = log
        self._telling = threading.Lock()
        self._is_lost = False

    def record(self, events: Sequence[PathEvent]) -> bool:
        """Keep all of these events. False if they cannot be kept."""
        is_kept = self._journal.record(events)
        if is_kept is self._is_lost:
            self._tell(is_lost=not is_kept)
        return is_kept

    def _tell(self, *, is_lost: bool) -> None:
        with self._telling:
            if is_lost and not self._is_lost:
                trouble = self._journal.trouble
                self._log.error("what partners report cannot be kept, and they are asked to try again: %s", trouble)
            elif self._is_lost and not is_lost:
                self._log.info("what partners report is kept again")
            self._is_lost = is_lost


@dataclass(frozen=True, slots=True)
class OpenDesk:
    """What a process keeps and reads.

    Attributes:
        journal: Keeps events.
        tables: What operators registered.
        close: Call it at the end: the files are then whole, and can be stored.
    """

    journal: Journal
    tables: LinkTables
    close: Callable[[], None]


def open_desk(settings: Settings, key: LinkKey, database: IngressTables | None, log: logging.Logger) -> OpenDesk:
    """Open the desk of one process.

    Args:
        settings: The settings.
        key: Opens the secrets of devices.
        database: By the role of the ingress. None: this process opens no database.
        log: For what operators should know.
    """
    if database is not None:
        desk = DatabaseDesk(database, key)
        return OpenDesk(desk, desk, lambda: None)
    reserve = DiskReserve(settings.path_events_dir, settings.disk_reserve_mib * _MIB).half()
    spool = SpoolJournal(settings.path_events_dir, settings.spool_max_mib * _MIB, reserve)
    return OpenDesk(ToldJournal(spool, log), FileTables(settings.links_dir, key), spool.close)


def report_links(
    file: LinksFile, settings: Settings, key: LinkKey, database: IngressTables | None, log: logging.Logger
) -> None:
    """Report which links there are, if that has changed. Several instances do it at once, and one reports.

    If it cannot be kept now, the next start reports it: a link that nobody knows of still works.
    """
    desk = open_desk(settings, key, database, log)
    try:
        with locked(settings.links_dir):
            is_kept = register_links(file.links.values(), desk.journal, settings.links_dir, datetime.now(UTC))
        if not is_kept:
            log.error("the list of links could not be kept; the next start of the ingress reports it")
    except EngageError as error:
        log.error("the list of links could not be kept: %s", error)
    finally:
        with suppress(OSError):
            desk.close()
