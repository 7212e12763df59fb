"""The operators' instance: the figures of all workers of this host, and the one way from the spool into the store."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from engage_server.composition import DeviceSide, SightingTransfer, claim, make_folder, open_operator_side
from engage_server.errors import EngageError, StoreNotUsable
from engage_server.records import Secret
from engage_server.serving.call_in_threads import DeliveryThread, EnrolmentThread
from engage_server.serving.exposition import Exposition
from engage_server.serving.rotation_thread import RotationThread
from engage_server.settings import Settings
from engage_server.web.operators import create_operators_app

_TRANSFER_SECONDS = 1.0
_LATER = 5
_LATE_SECONDS = 60.0
_CLEANING = timedelta(hours=1)


def operators_app(
    settings: Settings, device_side: DeviceSide, environment: Mapping[str, str], log: logging.Logger
) -> tuple[Flask, Callable[[], str]]:
    """The app of the operators' listener, with the transfer of sightings and the look at rotations begun.

    Returns:
        The app, and what says why sightings of this host may be missing in the store; "" when none are.
    """
    with suppress(OSError):
        os.nice(_LATER)  # devices first: on a full machine sightings wait in the spool
    spool = settings.spool_dir
    make_folder(spool)

    def site_key(name: str) -> Secret:
        """Asked for once for each site, when the first token of one of its devices is there."""
        operator = open_operator_side(settings, environment)
        try:
            return operator.sites.key(name)
        finally:
            operator.close()

    transfer = device_side.sighting_transfer(spool, timedelta(days=settings.sighting_days), site_key)
    exposition = Exposition(settings.metrics_dir, spool, device_side.distribution)
    thread = TransferThread(spool, transfer, exposition, log)
    thread.start()

    def tell_states(states: Mapping[str, str]) -> None:
        exposition.rotations = states

    RotationThread(lambda: open_operator_side(settings, environment), settings.gate_seconds, log, tell_states).start()
    EnrolmentThread(lambda: open_operator_side(settings, environment), log).start()
    DeliveryThread(device_side, settings, log, exposition.tell_uploads).start()
    return create_operators_app(device_side.distribution, exposition.text), thread.lateness


class TransferThread:
    """Moves sightings, over and over, as the only one of this host.

    Args:
        spool: Its folder.
        transfer: What is run.
        exposition: Where it is counted.
        log: Where trouble, and its end, are told: once each.
    """

    def __init__(self, spool: Path, transfer: SightingTransfer, exposition: Exposition, log: logging.Logger) -> None:
        self._spool = spool
        self._transfer = transfer
        self._exposition = exposition
        self._log = log
        self._trouble = ""
        self._clean_at = datetime.min.replace(tzinfo=UTC)
        self._caught_up_at = time.monotonic()

    def lateness(self) -> str:
        """Why sightings of this host may be missing in the store; "" when they are there."""
        late = time.monotonic() - self._caught_up_at
        return f"what devices did there waits in the spool since {late:.0f} s" if late > _LATE_SECONDS else ""

    def start(self) -> None:
        """Begin, until the process ends."""
        threading.Thread(target=self._run, name="sighting-transfer", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        held: int | None = None
        while True:
            try:
                held = claim(self._spool) if held is None else held
                self._move()
                self._tell("")
            except StoreNotUsable as error:
                self._exposition.store_up.set(0)
                self._tell(str(error))
            except EngageError as error:
                self._tell(str(error))
            except Exception:  # a defect must not end it: the spool would fill up
                self._log.exception("moving sightings failed")
            pause.wait(_TRANSFER_SECONDS)

    def _move(self) -> None:
        now = datetime.now(UTC)
        done = self._transfer.run(now)
        self._caught_up_at = time.monotonic()
        self._exposition.stored.inc(done.stored)
        self._exposition.disregarded.inc(done.disregarded)
        self._exposition.unreadable.inc(done.unreadable)
        self._exposition.store_up.set(1)
        if now >= self._clean_at:
            self._transfer.forget_old(now)
            self._clean_at = now + _CLEANING

    def _tell(self, trouble: str) -> None:
        if trouble and not self._trouble:
            self._log.error("sightings stay in the spool: %s", trouble)
        elif self._trouble and not trouble:
            self._log.info("sightings are stored again")
        self._trouble = trouble
