"""Answers all but the devices' two fast routes: an app in a few threads, so that it never blocks the loop."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from engage_server.serving.worker.answers import wire
from engage_server.serving.worker.answers.call_in_lanes import WAITING_FOR_EACH_THREAD, Job
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.request_reader import Request

NO_ROUTE = "none"


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """An answer of an app.

    Attributes:
        route: The name of the route, for metrics, or :data:`NO_ROUTE`.
        status: The number.
        status_line: The line.
        rest: The header fields, and the body unless the request was a HEAD.
        serial: The serial number that the request gave outside its query. None if it gave none.
        logged_serial: The one for the log, which may be from the query.
    """

    route: str
    status: int
    status_line: bytes
    rest: bytes
    serial: str | None = None
    logged_serial: str | None = None


class App(Protocol):
    """Answers whole requests. Called in threads."""

    def answer(self, connection: Connection, request: Request, server: tuple[str, int]) -> AppAnswer:
        """Answer one request.

        Args:
            connection: Where it came from.
            request: The request.
            server: The listener's own address and port.
        """


class Lanes(Protocol):
    """Takes the requests that may have to wait for another system: they must not delay the others."""

    @property
    def pending(self) -> int:
        """How many of them run or wait."""

    def takes(self, request: Request) -> bool:
        """Whether it is one of them. The answer is the same each time."""

    def submit(self, connection: Connection, request: Request, job: Job) -> bool:
        """Answer one when it is its turn. False if too many wait already."""

    def close(self) -> None:
        """Accept nothing more."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer that is ready.

    Attributes:
        connection, request: Where it goes, and what it answers.
        began: When the request was handed over, by the monotonic clock.
        answer: The answer.
    """

    connection: Connection
    request: Request
    began: float
    answer: AppAnswer


class AppPool:
    """Runs an app in threads.

    Args:
        app: The app.
        threads: How many requests run at once.
        failed: Called, from a thread, when the app raised.
        lanes: Takes requests that may have to wait. None: there are none.

    Attributes:
        wakeup: A descriptor that becomes readable when an answer is ready.
    """

    def __init__(self, app: App, threads: int, failed: Callable[[], None], lanes: Lanes | None = None) -> None:
        self._app = app
        self._failed = failed
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="app")
        self._limit = threads * (1 + WAITING_FOR_EACH_THREAD)
        self._others = 0  # requests that the lanes did not take
        self._lanes = lanes
        self._finished: deque[Rendered] = deque()
        self.wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def pending(self) -> int:
        """How many requests run or wait."""
        return self._others + (self._lanes.pending if self._lanes is not None else 0)

    def submit(self, connection: Connection, request: Request, server: tuple[str, int]) -> bool:
        """Let the app answer. False if too many requests wait already."""
        began = time.monotonic()
        if self._lanes is not None and self._lanes.takes(request):
            return self._lanes.submit(connection, request, lambda: self._run(connection, request, server, began))
        if self._others >= self._limit:
            return False
        self._others += 1
        self._executor.submit(self._run, connection, request, server, began)
        return True

    def finished(self) -> Iterable[Rendered]:
        """Return the answers that are ready, each once."""
        os.eventfd_read(self.wakeup)
        while self._finished:
            rendered = self._finished.popleft()
            if self._lanes is None or not self._lanes.takes(rendered.request):
                self._others -= 1
            yield rendered

    def close(self) -> None:
        """Accept nothing more. Whatever runs ends with the process."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self._lanes is not None:
            self._lanes.close()

    def _run(self, connection: Connection, request: Request, server: tuple[str, int], began: float) -> None:
        request.is_running = True
        try:
            if request.is_given_up:  # its connection was closed while it waited
                answer = AppAnswer(NO_ROUTE, 503, *wire.failure())
            else:
                answer = self._app.answer(connection, request, server)
        except Exception:  # a defect in the app must cost this one answer, not the thread
            self._failed()
            answer = AppAnswer(NO_ROUTE, 500, *wire.failure())
        self._finished.append(Rendered(connection, request, began, answer))
        os.eventfd_write(self.wakeup, 1)
