"""Builds, in each worker of the ingress, everything that its end needs."""

import logging
import sys
from datetime import UTC, datetime

from engage_server.links.ingress.app import IngressApp
from engage_server.links.ingress.contexts import HostContexts
from engage_server.links.ingress.ends import End
from engage_server.links.ingress.journals import open_desk
from engage_server.links.ingress.parts import Parts
from engage_server.links.ingress.reading import ReadLinks
from engage_server.links.ingress.witness import CallerWitness
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
    desk = open_desk(settings, links.key, links.database, log)
    parts = Parts(desk.journal, desk.tables, settings.links_dir)
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
    equipment.stop_following = desk.close
    return equipment
