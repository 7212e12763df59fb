"""Chooses the waiting call-in that gets the next thread, so that no call waits behind another site's slow system.

A lane is one site and one way to answer. A call's lane is guessed before the call is read. The guess uses the Host
field, the query, what the connection said before, and the address of this host that was called. The body may show
another site. For that case the services themselves count the calls that really wait for a system.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from engage_server.services.distribution.call_in_shares import CallInShares

WAITING_FOR_EACH_THREAD = 16

Job = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Lane:
    """Calls that wait for the same thing.

    Attributes:
        site: The site's name.
        waits: Whether they wait for a partner's system.
        is_credential: Whether a person stands at the door meanwhile.
    """

    site: str
    waits: bool
    is_credential: bool


class CallInLanes:
    """Some threads, and the calls that wait for them.

    Args:
        threads: How many threads.
        shares: Returns the current shares of the threads.
    """

    def __init__(self, threads: int, shares: Callable[[], CallInShares]) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="call-in")
        self._threads = threads
        self._shares = shares
        self._lock = threading.Lock()
        self._waiting: dict[Lane, deque[Job]] = {}
        self._running: Counter[Lane] = Counter()
        self._served: dict[Lane, int] = {}  # when a lane last got a thread, counted in jobs
        self._jobs = 0

    @property
    def pending(self) -> int:
        """How many calls run or wait."""
        with self._lock:
            return sum(map(len, self._waiting.values())) + self._running.total()

    def submit(self, lane: Lane, job: Job) -> bool:
        """Run a job as soon as there is a thread for its lane. False if too many wait already."""
        with self._lock:
            if self._is_full(lane):
                return False
            self._waiting.setdefault(lane, deque()).append(job)
            self._start()
        return True

    def close(self) -> None:
        """Start nothing more. Whatever runs ends with the process."""
        with self._lock:
            self._waiting.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _is_full(self, lane: Lane) -> bool:
        """Whether as many calls wait, of this kind or of this site, as the threads can answer in reasonable time."""
        shares = self._shares()
        kind = [each for each in self._waiting if (each.waits, each.is_credential) == (lane.waits, lane.is_credential)]
        own = len(self._waiting.get(lane, ()))
        everybody = sum(len(self._waiting[each]) for each in kind)
        limit = shares.threads if not lane.waits else shares.site_credentials if lane.is_credential else shares.site
        return (
            own >= limit * WAITING_FOR_EACH_THREAD or everybody >= max(limit, shares.threads) * WAITING_FOR_EACH_THREAD
        )

    def _start(self) -> None:
        """Give free threads to the lanes whose turn it is. The caller holds the lock."""
        while self._running.total() < self._threads:
            lane = self._next()
            if lane is None:
                return
            job = self._waiting[lane].popleft()
            if not self._waiting[lane]:
                del self._waiting[lane]
            self._jobs += 1
            self._served[lane] = self._jobs
            self._running[lane] += 1
            try:
                self._executor.submit(self._run, lane, job)
            except RuntimeError:  # the executor is closed
                self._running[lane] -= 1
                return

    def _next(self) -> Lane | None:
        """Return the lane that gets the next thread: credential calls first, then the lane that waited longest."""
        shares = self._shares()
        free = [lane for lane in self._waiting if self._may_run(lane, shares)]
        return min(free, key=lambda lane: (not lane.is_credential, self._served.get(lane, 0)), default=None)

    def _may_run(self, lane: Lane, shares: CallInShares) -> bool:
        if not lane.waits:
            # credential calls that are answered from files are quick, and leave threads to others
            return not lane.is_credential or self._count(is_credential=True, waits=False) < shares.nightly
        own = self._running[lane]
        if self._count(waits=True) >= shares.upstream:
            return False
        if lane.is_credential:
            return own < shares.site_credentials
        return own < shares.site and self._count(waits=True, is_credential=False) < shares.nightly

    def _count(self, *, waits: bool, is_credential: bool | None = None) -> int:
        return sum(
            count
            for lane, count in self._running.items()
            if lane.waits == waits and is_credential in (None, lane.is_credential)
        )

    def _run(self, lane: Lane, job: Job) -> None:
        try:
            job()
        finally:
            with self._lock, suppress(RuntimeError):
                self._running[lane] -= 1
                if not self._running[lane]:
                    del self._running[lane]
                self._start()
