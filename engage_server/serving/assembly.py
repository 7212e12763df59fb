"""Builds, in each worker, everything that its listener needs."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping

from flask import Flask

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.disk_space import sightings_reserve
from engage_server.composition.folder_watch import DataFolder
from engage_server.files import make_folder
from engage_server.records import SwitchTerms
from engage_server.services.distribution.networks import is_in_networks
from engage_server.services.distribution.snapshot import Snapshot
from engage_server.services.evidence.sightings import Sightings
from engage_server.services.evidence.spool import SpoolWriter
from engage_server.serving import allocator
from engage_server.serving.listener import Listener
from engage_server.serving.process_start import connection_limit, log_beside_gunicorn
from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.app_pool import AppPool
from engage_server.serving.worker.answers.call_in_requests import CallInRequests
from engage_server.serving.worker.answers.flask_app import FlaskApp
from engage_server.serving.worker.answers.origin_server import OriginServer
from engage_server.serving.worker.answers.prepared_answers import PreparedAnswers
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.memory_budget import MemoryBudget
from engage_server.serving.worker.connections.request_reader import MAX_OTHER_BODY_BYTES, BodyLimit, limit_of_devices
from engage_server.serving.worker.connections.room import Room
from engage_server.serving.worker.connections.tls_context import ContextSource, TlsContexts
from engage_server.serving.worker.equipment import Equipment
from engage_server.serving.worker.follower import SnapshotFollower
from engage_server.serving.worker.log_lines import AccessLog
from engage_server.serving.worker.metrics import ListenerMetrics
from engage_server.serving.worker.spool_words import SpoolWords
from engage_server.settings import Settings
from engage_server.web.app import create_app


def equip(
    listener: Listener,
    settings: Settings,
    device_side: DeviceSide,
    tls: ContextSource | None,
    environment: Mapping[str, str],
    log: logging.Logger,
) -> Equipment:
    """Build everything that a worker's loop needs, and start following the store.

    Args:
        listener: Which listener.
        settings: The settings.
        device_side: The store, and the answers that are served.
        tls: Gives connections their contexts. None for a plain listener.
        environment: For the key-encryption key.
        log: For what operators should know.
    """
    log_beside_gunicorn()
    allocator.keep_little()
    is_for_devices = listener is not Listener.OPERATORS
    handshakes = "engage" if is_for_devices else "engage_operators"
    metrics = ListenerMetrics(listener, settings.metrics_dir / listener, handshakes)
    releases = tls if isinstance(tls, TlsContexts) else None
    if settings.data_dir.is_dir():  # making it again would hide that everything in it is lost
        make_folder(settings.spool_dir)
    spool = (
        SpoolWriter(settings.spool_dir, settings.spool_max_mib * 1024 * 1024, sightings_reserve(settings))
        if is_for_devices
        else None
    )
    sightings = _sightings(listener, settings, device_side, spool) if spool else None
    reported = threading.Event()
    app, spool_words = _app(settings, device_side, sightings, environment, metrics, log, reported)
    prepared = PreparedAnswers(app, device_side.distribution) if is_for_devices else None

    def failed() -> None:
        log.exception("a request could not be answered")

    refusal, failure = _refusals(listener)
    limit = _body_limit(listener)
    pool = AppPool(
        FlaskApp(app, secure=tls is not None, failed=failed, failure=failure),
        settings.threads,
        failed,
        CallInRequests(settings.call_in_threads, device_side.distribution),
    )
    server = listener.address(settings), listener.port(settings)
    closes_always = settings.keepalive_seconds == 0
    budget: MemoryBudget[Connection] = MemoryBudget(settings.max_unfinished_mib * 1024 * 1024)
    equipment = Equipment(
        settings=settings,
        origin_server=OriginServer(
            prepared, pool, sightings, server, budget, closes_always=closes_always, body_limit=limit, refusal=refusal
        ),
        pool=pool,
        tls=tls,
        sightings=sightings,
        spool=spool,
        metrics=metrics,
        access_log=AccessLog(listener, settings.log_format, sys.stdout.fileno() if settings.access_log else None),
        room=Room(settings, connection_limit(settings), budget),
        log=log,
        distribution=device_side.distribution,
    )

    def prepare(snapshot: Snapshot, held: Snapshot | None) -> None:
        if releases is not None:
            releases.prepare(snapshot, held)
        if prepared is not None:
            prepared.prepare(snapshot, held)

    def published(snapshot: Snapshot) -> None:
        if prepared is not None:
            metrics.serving(snapshot)

    prepare(device_side.distribution.snapshot, None)
    published(device_side.distribution.snapshot)
    try_out = releases.try_out if releases is not None else None
    follower = SnapshotFollower(
        device_side=device_side,
        prepare=prepare,
        poll_seconds=settings.poll_seconds,
        log=log,
        listener=str(listener),
        try_out=try_out,
        spool_words=spool_words,
        data_folder=DataFolder(settings.data_dir),
        reported=reported,
        terms=SwitchTerms.given(settings.activation_wait_seconds, settings.poll_seconds),
        published=published,
    )
    metrics.clock_offset = lambda: follower.clock_offset
    equipment.stop_following, equipment.publish_due = follower.stop, follower.publish_due
    follower.start()
    return equipment


def _refusals(listener: Listener) -> tuple[Callable[[int], bytes], Callable[[], tuple[bytes, bytes]]]:
    """Return what is answered where the app is not asked, and where it fails."""
    if listener is not Listener.OPERATORS:
        return wire.refusal, wire.failure
    from engage_server.serving.operators import refusals

    return refusals.refusal, refusals.failure


def _body_limit(listener: Listener) -> BodyLimit:
    """Return how long bodies may be, by path."""
    if listener is not Listener.OPERATORS:
        return limit_of_devices
    from engage_server.web.api.requests.body_limits import bodies_of, body_limit
    from engage_server.web.api.routes.table import ROUTES
    from engage_server.web.console.table import PAGES, bodies_of_forms

    return body_limit([*bodies_of(ROUTES), *bodies_of_forms(PAGES)], MAX_OTHER_BODY_BYTES)


def _sightings(listener: Listener, settings: Settings, device_side: DeviceSide, spool: SpoolWriter) -> Sightings:
    def is_proxys(address: str) -> bool:
        return bool(settings.trusted_proxies) and is_in_networks(address, settings.trusted_proxies)

    return Sightings(listener, spool, time.time, device_side.distribution.is_device_address, is_proxys)


def _app(
    settings: Settings,
    device_side: DeviceSide,
    sightings: Sightings | None,
    environment: Mapping[str, str],
    metrics: ListenerMetrics,
    log: logging.Logger,
    reported: threading.Event,
) -> tuple[Flask, SpoolWords]:
    if sightings is not None:
        call_ins = device_side.call_ins(settings, sightings, time.time, log.warning)
        metrics.open_circuits = call_ins.open_circuits
        app = create_app(device_side.distribution, settings.trusted_proxies, sightings, call_ins)
        return app, SpoolWords(lambda: "", lambda: device_side.leave_spool(socket.gethostname(), settings.spool_dir))
    from engage_server.serving.operators.app import operators_app

    return operators_app(settings, device_side, environment, log, reported)
