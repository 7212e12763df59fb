"""Keeps a worker's snapshot up to date: a change in the store is served, and reported, within two seconds.

A change of what devices are answered is served by all workers at one moment. Each prepares it and reports that to the
store. The last one to be prepared decides the moment.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from engage_server.composition.device_side import DeviceSide
from engage_server.composition.folder_watch import GONE, DataFolder
from engage_server.errors import EngageError
from engage_server.records import LATE_SECONDS, StoreLook, SwitchTerms, WorkerStatus
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot
from engage_server.serving.worker.spool_words import SpoolWords
from engage_server.serving.worker.switching.agreement import Agreement

_SAY_ALIVE_SECONDS = 5.0
_GOODBYE_SECONDS = 3.0  # for the sign-off in the store; a store that takes longer is not waited for
_WAIT_SECONDS = 0.5  # short, so that the sign-off does not come too late
_LEAST_PAUSE_SECONDS = 0.01
_WATCH_SECONDS = 1.0
_FROZEN_SECONDS = 3.0  # a watch that did not run for so long was stopped, and so was the thread that it watches
_FIRST_LOOK_SECONDS = 1.0  # a database that hangs may not keep a worker from serving
_AT_ONCE = SwitchTerms(timedelta())

Prepare = Callable[[Snapshot, Snapshot | None], None]
"""Builds what serving a snapshot needs. The second one is held, and may be published meanwhile."""


class SnapshotFollower:
    """Polls the store's generation, exchanges the snapshot when it has changed, and reports what it serves.

    While the store is down or a release cannot be loaded, the last good one is still served. A check may take long if
    the connection to the database hangs. So a second thread watches the first, and reports it. A third one publishes.

    Args:
        device_side: The store and the distribution.
        prepare: Called with a snapshot before it is published, to build what serving it needs.
        poll_seconds: Between two checks. If the database announces changes, a check comes at once.
        log: Where trouble, and its end, are logged: once each, not at every check.
        listener: The worker's listener. With "", nothing is reported to the store.
        try_out: Raises EngageError for a release that cannot be served.
        spool_words: What is said of this host's spool.
        data_folder: Checked in addition to the store. None for a process that has none.
        terms: How long workers wait for each other. By default they do not.
        published: Called with each snapshot that is served from now on.
    """

    def __init__(
        self,
        device_side: DeviceSide,
        prepare: Prepare,
        poll_seconds: float,
        log: logging.Logger,
        listener: str = "",
        try_out: Callable[[ServedRelease], None] | None = None,
        spool_words: SpoolWords = SpoolWords(),  # noqa: B008  # frozen
        data_folder: DataFolder | None = None,
        reported: threading.Event | None = None,
        terms: SwitchTerms = _AT_ONCE,
        published: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        self._device_side = device_side
        self._prepare = prepare
        self._poll_seconds = poll_seconds
        self._log = log
        self._listener = listener
        self._try_out = try_out
        self._spool_words = spool_words
        self._data_folder = data_folder
        self._reported = reported or threading.Event()
        self._terms = terms
        self._agreement = Agreement(device_side, terms, published, self._report_prepared if listener else None)
        self._loss = ""
        device_side.distribution.ask_losses(lambda: (GONE,) if self._loss else ())
        self._trouble = ""
        self._telling = threading.Lock()
        self._looked_at = self._began_look_at = time.monotonic()
        device_side.distribution.ask_age(lambda: time.monotonic() - self._looked_at)
        self._kept: dict[str, str] = {}
        self._told_current = ""
        self._say_at = 0.0
        self._stopped = threading.Event()
        self._has_looked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshot-follower", daemon=True)
        self._watch = threading.Thread(target=self._watch_looks, name="store-watch", daemon=True)
        self._host = socket.gethostname()
        self._worker = f"{listener} {os.getpid()} on {self._host}"

    @property
    def clock_offset(self) -> float | None:
        """The seconds by which this host's clock is ahead of the database's. None: not measured."""
        return self._agreement.clock.offset

    def start(self) -> None:
        """Follow the store in a separate thread, until the process ends. Return after its first check.

        A worker in place of one that died begins with the snapshot of the process that forked it. That may be some
        seconds old.
        """
        self._agreement.start()
        self._thread.start()
        self._watch.start()
        self._has_looked.wait(_FIRST_LOOK_SECONDS)

    def stop(self) -> None:
        """End the thread. It reports to the store that this worker is gone, if that is possible at once."""
        self._stopped.set()
        self._agreement.stop()
        if self._thread.is_alive():
            self._thread.join(_GOODBYE_SECONDS)

    def publish_due(self, now: float) -> None:
        """Serve a change whose agreed moment has come. The loop asks before it serves anybody.

        Args:
            now: By the monotonic clock.
        """
        self._agreement.publish_due(now)

    def follow_once(self) -> bool:
        """Check once, and serve what has changed at once, without the other workers. True if it has changed.

        Raises:
            EngageError: The store is down, or a site's first release cannot be loaded.
        """
        return self._follow(together=False)

    def _follow(self, *, together: bool) -> bool:
        """Check once. True if another generation is served than at the check before."""
        self._began_look_at = time.monotonic()
        look, agreement = self._device_side.look(), self._agreement
        is_first = not self._has_looked.is_set()
        agreement.clock.measured(look)
        is_new = agreement.judge(look, is_first=is_first)  # it was published between two checks
        if not agreement.go_on(look):
            if self._is_behind(look):
                held = agreement.held
                snapshot = self._device_side.take_snapshot(self._try_out)
                self._prepare(snapshot, held)
                if snapshot.generation != look.generation:  # it holds a change that was announced after the check
                    look = self._device_side.look()
                    agreement.clock.measured(look)
                if together:
                    agreement.place(snapshot, look)
                else:
                    agreement.publish(snapshot)
            else:
                agreement.close(look, self._began_look_at)
        self._looked_at = time.monotonic()
        is_new = agreement.judge(look, is_first=is_first) or is_new
        self._tell_kept(self._device_side.distribution.snapshot)
        return is_new

    def _is_behind(self, look: StoreLook) -> bool:
        served = self._device_side.distribution.snapshot
        return look.generation != served.generation or (bool(served.kept) and self._is_time())

    def _report_prepared(self, generation: int) -> None:
        self._device_side.prepared(self._status(generation), self._terms)

    def heartbeat(self) -> None:
        """Report to the store what this worker serves.

        Raises:
            StoreNotUsable: The store is down.
        """
        self._device_side.heartbeat(self._status())
        self._say_at = time.monotonic() + _SAY_ALIVE_SECONDS
        self._reported.set()

    def _status(self, prepared: int = 0) -> WorkerStatus:
        snapshot, late = self._device_side.distribution.snapshot, self._spool_words.lateness()
        return WorkerStatus(
            worker=self._worker,
            host=self._host,
            pid=os.getpid(),
            listener=self._listener,
            generation=snapshot.generation,
            served={site: release.number for site, release in snapshot.current.items()},
            trouble={site: error.sentence for site, error in snapshot.kept.items()} | ({"": late} if late else {}),
            prepared=max(prepared, self._agreement.said_prepared),
            switched_at=self._agreement.switched_at,
            late_seconds=self._agreement.late_seconds,
            clock_offset=self._agreement.clock.offset,
        )

    def look_at_data(self) -> None:
        """Check whether the data folder is there, and log when that changes."""
        loss = self._data_folder.trouble() if self._data_folder is not None else ""
        if loss == self._loss:
            return
        if loss:
            self._log.error("%s", loss)
        else:
            self._log.info("the data folder is there again")
        self._loss = loss

    def _is_time(self) -> bool:
        return time.monotonic() >= self._say_at

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._look()
            self._wait()
        if self._listener:
            with suppress(EngageError):  # if it cannot say what it leaves here, it is silent
                self._spool_words.last_word()
                self._device_side.remove_worker(self._worker)

    def _wait(self) -> None:
        # Counted from the beginning of the check: a process that was frozen in it knows only what was true before.
        pause = self._poll_seconds - (time.monotonic() - self._began_look_at)
        until = time.monotonic() + self._agreement.seconds_to_next(max(pause, _LEAST_PAUSE_SECONDS))
        while not self._stopped.is_set() and (left := until - time.monotonic()) > 0:
            try:
                if self._device_side.wait_for_change(min(left, _WAIT_SECONDS)):
                    return
            except EngageError:  # the next check says why
                self._stopped.wait(min(left, _WAIT_SECONDS))

    def _watch_looks(self) -> None:
        before = time.monotonic()
        while not self._stopped.wait(_WATCH_SECONDS):
            now = time.monotonic()
            was_frozen, before = now - before > _FROZEN_SECONDS, now  # then nobody has looked, and the store is well
            distribution = self._device_side.distribution
            if distribution.is_late and not self._trouble and not was_frozen:
                seconds = distribution.seconds_since_look
                self._tell_trouble(f"no answer for {seconds:.0f} s; later changes are not served yet")
            self.look_at_data()

    def _look(self) -> None:
        try:
            is_new = self._follow(together=True)
            if is_new:
                self._tell_current()
            if self._listener and (is_new or self._is_time()):
                self.heartbeat()
            self._tell_trouble("")
        except EngageError as error:
            self._tell_trouble(str(error))
        except Exception:  # a defect must not end the thread: the worker would serve old releases for ever
            self._log.exception("following the store failed")
        finally:
            self._has_looked.set()

    def _tell_current(self) -> None:
        current = self._device_side.distribution.snapshot.current.values()
        what = ", ".join(f"{release.site} release {release.number}" for release in current) or "no release yet"
        if what == self._told_current:
            self._log.info("sites or devices were changed; the releases are the same")
        else:
            self._log.info("serving %s", what)
            late = self._agreement.late_seconds
            if late is not None and late > LATE_SECONDS:
                self._log.warning("this worker was not prepared in time: it began %.1f s after the others", late)
        self._told_current = what

    def _tell_kept(self, snapshot: Snapshot) -> None:
        kept = {site: error.sentence for site, error in snapshot.kept.items()}
        for site, why in kept.items():
            if self._kept.get(site) != why:
                served = snapshot.current[site].number
                self._log.error("%s stays at release %s, the last good one: %s", site, served, why)
        for site in self._kept.keys() - kept.keys():
            self._log.info("%s serves its current release again", site)
        self._kept = kept

    def _tell_trouble(self, trouble: str) -> None:
        with self._telling:
            if trouble == self._trouble:
                return
            if trouble:
                self._log.error("cannot follow the store, serving what is in memory: %s", trouble)
            else:
                self._log.info("following the store again")
            self._trouble = trouble
