"""Builds, in each worker of the ingress, everything that its end needs."""

import logging
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from engage_server.links.ingress.app import IngressApp
from engage_server.links.ingress.contexts import HostContexts
from engage_server.links.ingress.ends import End
from engage_server.links.ingress.parts import Parts
from engage_server.links.ingress.reading import ReadLinks
from engage_server.links.ingress.witness import CallerWitness
from engage_server.links.journal.copied_tables import FileTables
from engage_server.links.journal.spool_journal import SpoolJournal
from engage_server.records import PathEvent
from engage_server.services.disk_space.reserve import DiskReserve
from engage_server.serving import allocator
from engage_server.serving.process_start import connection_limit, log_beside_gunicorn
from engage_server.serving.worker.answers.app_pool import AppPool
from engage_server.serving.worker.answers.origin_server import OriginServer
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.memory_budget import MemoryBudget
from engage_server.serving.worker.connections.room import Room
from engage_server.serving.worker.equipment import Equipment
from engage_server.serving.worker.log_lines import AccessLog
from engage_server.serving.worker.metrics import ListenerMetrics
from engage_server.settings import Settings

LISTENER = "links"
_METRICS = "engage_links"
_MIB = 1024 * 1024


class ToldJournal:
    """A journal that reports, once each, that events cannot be kept, and that they can be again.

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


def equip(
    end: End,
    links: ReadLinks,
    settings: Settings,
    contexts: HostContexts | None,
    log: logging.Logger,
) -> Equipment:
    """Build everything that a worker's loop needs.

    Args:
        end: What listens.
        links: What was read.
        settings: The settings.
        contexts: For an end with TLS.
        log: For what operators should know.

    Raises:
        EngageError: A file of a partner cannot be used.
    """
    log_beside_gunicorn()
    allocator.keep_little()
    metrics = ListenerMetrics(LISTENER, settings.metrics_dir / end.name, _METRICS)
    journal = SpoolJournal(
        settings.path_events_dir,
        settings.spool_max_mib * _MIB,
        DiskReserve(settings.path_events_dir, settings.disk_reserve_mib * _MIB).half(),
    )
    parts = Parts(ToldJournal(journal, log), FileTables(settings.links_dir, links.key), settings.links_dir)
    routes = [route for partner in links.prepared for route in partner.routes(parts)]
    names = [host.name for host in links.file.hosts.values()]
    app = IngressApp(end, routes, names, lambda: datetime.now(UTC), log)
    pool = AppPool(app, settings.threads, lambda: log.exception("a call could not be answered"))
    budget: MemoryBudget[Connection] = MemoryBudget(settings.max_unfinished_mib * _MIB)
    closes_always = settings.keepalive_seconds == 0
    equipment = Equipment(
        settings=settings,
        origin_server=OriginServer(None, pool, None, (end.bind, end.port), budget, closes_always, app.body_limit),
        pool=pool,
        tls=contexts,
        sightings=None,
        spool=None,
        metrics=metrics,
        access_log=AccessLog(LISTENER, settings.log_format, sys.stdout.fileno() if settings.access_log else None),
        room=Room(settings, connection_limit(settings), budget),
        log=log,
        distribution=None,
        witness=CallerWitness(metrics, log),
    )
    equipment.stop_following = journal.close
    return equipment
