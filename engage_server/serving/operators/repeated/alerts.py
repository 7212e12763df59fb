"""Writes alerts and sends them: each host that serves operators does so, and the store says which one does what."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from engage_server.composition.alerts.alert_side import AlertSide, store_away
from engage_server.records import OutboxFigures
from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeated.repeating import Repeating, Sentences
from engage_server.settings import Settings

_SECONDS = 5.0
_CHECK_SECONDS = 600.0
_KEPT = timedelta(days=90)
_CLEANING = timedelta(hours=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


def _sentences(what: str) -> Sentences:
    return Sentences(f"{what}: not done", f"{what}: done again", f"{what}: failed")


class Alerts:
    """The tasks of alerts.

    Args:
        side: The services.
        settings: The settings.
        environment: The variables of this process.
        log: Where attempts that failed are logged. No secret is.
        tell: Called with how the outbox stands.
        now: The clock.
    """

    def __init__(
        self,
        side: ActingSide,
        settings: Settings,
        environment: Mapping[str, str],
        log: logging.Logger,
        tell: Callable[[OutboxFigures], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._side = side
        self._environment = environment
        self._log = log
        self._tell = tell
        self._now = now
        host = socket.gethostname()
        self._holder = f"{host}/{os.getpid()}"
        self._away = store_away(settings, lambda: self._alerting().store, environment, host, log.warning)
        self._clean_at = _NEVER
        self._send_due: Callable[[], None] | None = None

    def start(self, judging: threading.Event) -> None:
        """Begin all of them.

        Args:
            judging: What judges doors waits for it.
        """
        for name, seconds, task in (
            ("alert-news", _SECONDS, self.news),
            ("alert-sending", _SECONDS, self.send),
            ("alert-store-away", _SECONDS, self.watch_store),
            ("audit-log-check", _CHECK_SECONDS, self.check_log),
        ):
            Repeating(name, seconds, task, self._log, _sentences(name)).start()
        for name, seconds, task in (
            ("alert-watch", 6 * _SECONDS, self.watch),
            ("morning-mail", 4 * _SECONDS, self.write_mornings),
        ):
            Repeating(name, seconds, task, self._log, _sentences(name)).start(judging)

    def news(self) -> None:
        """Put into the outbox what the audit log says."""
        alerting, recipients = self._alerting(), self._alerting().store.recipients()
        if recipients:
            while alerting.log_news.run(recipients, self._now()):
                pass

    def watch(self) -> None:
        """Put into the outbox what begins, lasts or ends."""
        recipients = self._alerting().store.recipients()
        if recipients:
            self._alerting().watch.run(recipients, self._now())

    def write_mornings(self) -> None:
        """Put the morning mails into the outbox that are due."""
        self._alerting().mornings.run(self._now())

    def check_log(self) -> None:
        """Verify the audit log once a day, if anybody would hear of it."""
        if self._alerting().store.recipients():
            self._alerting().log_check.run(self._now())

    def send(self) -> None:
        """Begin to send what is due. Once an hour, forget what ended long ago."""
        alerting, now = self._alerting(), self._now()
        if self._send_due is None:  # kept, because it knows who is being sent to
            self._send_due = alerting.sending(self._holder, self._environment, self._log.warning, self._now)
        self._send_due()
        self._tell(alerting.store.outbox_figures())
        if now >= self._clean_at:
            alerting.store.forget_old_in_outbox(now - _KEPT)
            self._clean_at = now + _CLEANING

    def watch_store(self) -> None:
        """Say that the store is away, if it is for long."""
        self._away.run(self._now())

    def _alerting(self) -> AlertSide:
        return self._side.get().alerting
