"""A clock in a test's hand, for commands in this process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, tzinfo
from unittest.mock import patch

from engage_server.cli.session import Session
from engage_server.records import BootClock
from engage_server.serving import boot_clock
from engage_server.store import schema
from engage_server.store.queries import worker_queries


class MovedClock:
    """Stands still until it is moved.

    Attributes:
        now: Aware, UTC.
    """

    def __init__(self, now: datetime) -> None:
        self._begun = now
        self.now = now

    def move(self, by: timedelta) -> None:
        """Let so much time pass."""
        self.now += by

    def boot(self) -> BootClock:
        """The machine was started as this clock began, and has run ever since."""
        return BootClock("this-boot", (self.now - self._begun).total_seconds())

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Whoever asks for the time meanwhile is given this one: commands, and what the store dates by itself."""
        clock = self

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain one, as rows want
                return clock.now

        with ExitStack() as undone:
            undone.enter_context(patch.object(Session, "now", lambda session: clock.now))
            undone.enter_context(patch.object(boot_clock, "boot_clock", clock.boot))
            undone.enter_context(patch.object(worker_queries, "database_now", lambda connection: clock.now))
            undone.enter_context(patch.object(schema, "datetime", Moved))
            yield
