"""The app of the operators' instance: the metrics of all workers of this host. Also starts the repeated tasks."""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flask import Flask

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.openid.terms_file import base_of, is_set
from engage_server.composition.operator_side import OperatorSide
from engage_server.composition.operators_listener import is_reached_from_elsewhere, is_secure
from engage_server.records import Secret
from engage_server.services.installation.audit_log import as_told
from engage_server.serving.boot_clock import boot_clock
from engage_server.serving.opening.opener import ChainOpener
from engage_server.serving.operators import enrolment
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.backups import nights
from engage_server.serving.operators.backups.child import backup_in_child
from engage_server.serving.operators.exposition import Exposition
from engage_server.serving.operators.figures import doors_at_risk, one_address
from engage_server.serving.operators.metrics_gate import MetricsGate
from engage_server.serving.operators.repeated import (
    delivery,
    links,
    rotations,
    served_copy,
    shared_files,
    transfer,
)
from engage_server.serving.operators.repeated.alerts import Alerts
from engage_server.serving.operators.repeated.repeating import Repeating, Sentences
from engage_server.serving.worker.spool_words import SpoolWords
from engage_server.settings import Settings
from engage_server.web.api.blueprint import blueprint as api
from engage_server.web.console.blueprint import blueprint as console
from engage_server.web.operators import create_operators_app
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.sign_in.openid import OpenIdDoor
from engage_server.web.sign_in.routes import blueprint as sign_in_pages
from engage_server.web.surroundings import Surroundings

_LATER = 5
_SELDOM = 3600.0
_KEY_SECONDS = 5.0
_OF_KEYS = Sentences(
    "the key-encryption key of this host could not be checked, or is not good",
    "the key-encryption key of this host is good again",
    "watching the source of the key-encryption key failed",
)
_SENTENCES = Sentences(
    "it is not known whether an admin has a password",
    "it is known again whether an admin has a password",
    "looking for an admin with a password failed",
)


def operators_app(
    settings: Settings,
    device_side: DeviceSide,
    environment: Mapping[str, str],
    log: logging.Logger,
    reported: threading.Event,
) -> tuple[Flask, SpoolWords]:
    """Build the app of the operators' listener, and start the tasks that this instance repeats.

    Args:
        settings: The settings.
        device_side: The store, and the answers that are served.
        environment: For the key-encryption key.
        log: For what operators should know.
        reported: Set when this instance has reported to the store. Before, evidence of this host seems to be missing:
            what judges doors waits for it.

    Returns:
        The app, and what is said of this host's spool.
    """
    with suppress(OSError):
        os.nice(_LATER)  # devices first: on a full machine sightings wait in the spool

    def open_side() -> OperatorSide:
        return device_side.operator_side(settings, environment, lambda head: log.info(as_told(head)))

    side = ActingSide(open_side)

    def site_key(name: str) -> Secret:
        """Return a site's key. Called once for each site, when the first token of one of its devices arrives."""
        return side.get().sites.key(name)

    moving = device_side.sighting_transfer(settings.spool_dir, timedelta(days=settings.sighting_days), site_key)
    exposition = Exposition(settings.metrics_dir, settings.spool_dir, device_side.distribution)
    exposition.disk = device_side.disk(settings)
    host = socket.gethostname()

    copied = shared_files.CopiedFiles(device_side, side, settings, log)
    exposition.copies_behind = lambda: copied.behind

    def report(waiting_bytes: int) -> None:
        device_side.report_spool(host, waiting_bytes, copied.behind_for)

    spool = transfer.SpoolTransfer(settings.spool_dir, moving, exposition, device_side.audit_head, report, log.error)
    open_rotations = rotations.OpenRotations(side, log, exposition.tell_rotations)
    callers = enrolment.CallersOntoLists(side, log)
    uploads = delivery.Deliveries(device_side, side, settings, log, exposition.tell_uploads)
    at_risk = doors_at_risk.DoorsAtRisk(side, exposition.tell_risks)
    chores = links.LinkChores(side, settings)
    copy = device_side.served_copy(settings)
    ages = nights.BackupAges(side, exposition.tell_backups)
    backups = nights.NightlyBackups(side, settings, backup_in_child, log)
    addresses = one_address.OneAddress(side, device_side.distribution.warn)
    key_watch = device_side.key_watch(settings, environment)
    for each in (
        Repeating("key-source", _KEY_SECONDS, key_watch.look, log, _OF_KEYS),
        Repeating("sighting-transfer", transfer.SECONDS, spool.move, log, transfer.SENTENCES),
        Repeating("enrolment", enrolment.SECONDS, callers.enrol, log, enrolment.SENTENCES),
        Repeating("served-copy", served_copy.SECONDS, copy.keep, log, served_copy.SENTENCES),
        Repeating("links", links.SECONDS, chores.run, log, links.SENTENCES),
        Repeating("shared-files", shared_files.SECONDS, copied.copy, log, shared_files.SENTENCES),
        Repeating(
            "upload-retention",
            shared_files.RETENTION_SECONDS,
            copied.forget_old_uploads,
            log,
            shared_files.RETENTION_SENTENCES,
        ),
        Repeating("upstream-delivery", delivery.SECONDS, uploads.deliver, log, delivery.SENTENCES),
    ):
        each.start()
    judged = spool.when_judged(reported)
    for each in (
        Repeating("rotations", settings.gate_seconds, open_rotations.go_on, log, rotations.SENTENCES),
        Repeating("backup-ages", nights.SECONDS, ages.look, log, nights.LOOK_SENTENCES),
        Repeating("nightly-backup", nights.SECONDS, backups.run, log, nights.SENTENCES),
        Repeating("one-address", one_address.SECONDS, addresses.look, log, one_address.SENTENCES),
        Repeating("doors-at-risk", doors_at_risk.SECONDS, at_risk.count, log, doors_at_risk.SENTENCES),
    ):
        each.start(judged)
    Alerts(side, settings, environment, log, exposition.tell_alerts).start(judged)
    openid = None
    if is_set(settings):
        Repeating("local-admins", _SELDOM, lambda: _look_for_local_admin(side, log), log, _SENTENCES).start()
        openid = OpenIdDoor(lambda: side.get().access.openid, base_of(settings))
    secure = is_secure(settings)
    surroundings = Surroundings(side.get, _now, boot_clock, SessionCookie(secure=secure), ChainOpener(environment))
    gate = MetricsGate(
        lambda: side.get().access.tokens,
        _now,
        is_store_away=lambda: spool.is_store_away,
        is_open=not is_reached_from_elsewhere(settings),
    )
    app = create_operators_app(
        device_side.distribution,
        exposition.text,
        settings.operators_hosts,
        process=os.getpid(),
        secure=secure,
        behind_proxy=settings.operators_behind_proxy,
        assert_may_see_metrics=gate.assert_may_see,
        pages=[
            sign_in_pages(lambda: side.get().access, _now, secure=secure, openid=openid),
            api(surroundings),
            console(surroundings),
        ],
    )
    return app, SpoolWords(spool.lateness, spool.sign_off)


def _now() -> datetime:
    return datetime.now(UTC)


def _look_for_local_admin(side: ActingSide, log: logging.Logger) -> None:
    """Warn while nobody could sign in if the OpenID provider were down.

    Raises:
        EngageError: The store is down.
    """
    if not side.get().access.people.has_local_admin():
        log.warning(
            "no admin has a password: while the OpenID provider is down, nobody can sign in. "
            "next: engage people add NAME --role admin"
        )
