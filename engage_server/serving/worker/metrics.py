"""The metrics of a worker: plain numbers in memory, written to its own small file once a second.

The operators' instance adds up the files of all workers (:mod:`engage_server.serving.operators.exposition`). So a
request costs a few dictionary look-ups. A worker that is killed loses the count of its last second.
"""

import json
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from engage_server.services.distribution.snapshot import Snapshot
from engage_server.serving.worker.connections.deadlines import Deadlines, Phase

# upper bounds in seconds; values above the last one count only in "+Inf"
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_ENDS = re.compile(
    r"done|proxy header|closed|reset|limit|handshakes|memory|defect|timeout [a-z]+|hello [a-z]+|empty records"
)

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of the workers.

    Attributes:
        kind: How the workers' values are combined. Counters and histograms are added up, including those of ended
            workers. Gauges are added up only for living workers. For "largest", the largest of the living counts.
        help: The description for people.
        labels: The names. The exposition fills in "process" where each worker's own value matters.
    """

    kind: Literal["counter", "gauge", "largest", "histogram"]
    help: str
    labels: Labels


FAMILIES: Mapping[str, Family] = {
    "engage_requests": Family("counter", "Answered requests.", ("listener", "route", "status")),
    "engage_request_seconds": Family("histogram", "From the whole request to the sent answer.", ("listener", "route")),
    "engage_connections_accepted": Family("counter", "Accepted connections.", ("listener", "process")),
    "engage_connections_ended": Family("counter", "Ended connections, by reason.", ("listener", "reason")),
    "engage_worker_defects": Family(
        "counter", "Exceptions that a worker's loop survived. The log has each kind once a minute.", ("listener",)
    ),
    "engage_connections_open": Family("gauge", "Open connections, by what they wait for.", ("listener", "phase")),
    "engage_handshakes": Family(
        "counter", "TLS handshakes: finished, alert (the client refused), failed.", ("result", "tls_version")
    ),
    "engage_handshake_seconds": Family(
        "histogram", "From the connection to the end of its handshake.", ("tls_version",)
    ),
    "engage_tls_alerts_received": Family("counter", "TLS alerts from clients (RFC 8446 section 6).", ("alert",)),
    "engage_links_handshakes": Family(
        "counter", "TLS handshakes on the ingress of the links, where no device calls.", ("result", "tls_version")
    ),
    "engage_links_handshake_seconds": Family("histogram", "The same, how long they took.", ("tls_version",)),
    "engage_links_tls_alerts_received": Family("counter", "TLS alerts from clients of the ingress.", ("alert",)),
    "engage_operators_handshakes": Family(
        "counter", "TLS handshakes on the operators' listener, where no device calls.", ("result", "tls_version")
    ),
    "engage_operators_handshake_seconds": Family("histogram", "The same, how long they took.", ("tls_version",)),
    "engage_operators_tls_alerts_received": Family("counter", "TLS alerts from clients of operators.", ("alert",)),
    "engage_unfinished_bytes": Family(
        "gauge", "Memory of each worker that unfinished requests and answers take.", ("listener", "process")
    ),
    "engage_app_requests_pending": Family("gauge", "Requests that run or wait in the app.", ("listener",)),
    "engage_sightings_lost": Family("counter", "Sightings that could not be written to the spool.", ("listener",)),
    "engage_access_log_lines_lost": Family("counter", "Log lines lost because their reader stalled.", ("listener",)),
    "engage_upstream_circuit_open": Family(
        "gauge", "Workers that forward no calls because a site's system does not answer.", ("listener", "site")
    ),
    "engage_store_last_look_seconds": Family(
        "largest", "Seconds since a worker last saw whether the database has changes; the longest.", ("listener",)
    ),
    "engage_clock_offset_seconds": Family(
        "largest", "Seconds by which this host's clock differs from the database's, either way.", ("listener",)
    ),
    "engage_release_served": Family("gauge", "Release that each worker serves.", ("listener", "site", "process")),
}


class ListenerMetrics:
    """The metrics of one worker.

    Args:
        listener: ``http``, ``https``, ``operators`` or ``links``.
        folder: The folder of its file. It must exist.
        handshakes: The first word of the names of what is counted about handshakes. That of devices is used by alerts
            of the monitoring, so no other listener may have it.

    Attributes:
        open_circuits: Returns the sites whose systems are not called at the moment.
        clock_offset: Returns the seconds by which this host's clock is ahead of the database's. None: not measured.
    """

    def __init__(self, listener: str, folder: Path, handshakes: str = "engage") -> None:
        self._handshakes, self._alerts = f"{handshakes}_handshakes", f"{handshakes}_tls_alerts_received"
        self._handshake_seconds = f"{handshakes}_handshake_seconds"
        self.open_circuits: Callable[[], Sequence[str]] = tuple
        self.clock_offset: Callable[[], float | None] = lambda: None
        self._listener = listener
        self._file = folder / f"{os.getpid()}.json"
        self._process = str(os.getpid())
        self._values: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[tuple[str, Labels], list[float]] = {}  # a count for each bucket, the rest, the sum
        self._snapshot: Snapshot | None = None
        self._accepted = "engage_connections_accepted", (listener, self._process)
        self._values[self._accepted] = 0
        # counted for each connection and request under short keys; put under the full names when the file is written
        self._accepted_count = 0
        self._ended: dict[str, int] = {}
        self._requests: dict[tuple[str, int], int] = {}

    def accepted(self) -> None:
        """Count an accepted connection."""
        self._accepted_count += 1

    def defect(self) -> None:
        """Count an unexpected exception that the loop survived."""
        self._count("engage_worker_defects", (self._listener,))

    def ended(self, why: str) -> None:
        """Count an ended connection."""
        reason = _reason(why)
        self._ended[reason] = self._ended.get(reason, 0) + 1

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        key = route, status
        self._requests[key] = self._requests.get(key, 0) + 1
        self._observe("engage_request_seconds", (self._listener, route), seconds)

    def handshake_finished(self, tls_version: str, seconds: float) -> None:
        """Count a finished handshake."""
        self._count(self._handshakes, ("finished", tls_version))
        self._observe(self._handshake_seconds, (tls_version,), seconds)

    def handshake_failed(self, tls_version: str, reason: str) -> None:
        """Count a handshake that failed, or that the client refused late."""
        is_alert = reason.startswith("alert ")
        self._count(self._handshakes, ("alert" if is_alert else "failed", tls_version))
        if is_alert:
            self._count(self._alerts, (reason.removeprefix("alert "),))

    def serving(self, snapshot: Snapshot) -> None:
        """Record that another snapshot is served. The follower's thread calls this; the loop reads it later."""
        self._snapshot = snapshot

    def look(
        self,
        deadlines: "Deadlines[Any]",
        pending: int,
        sightings_lost: int,
        lines_lost: int,
        store_seconds: float | None,
    ) -> None:
        """Set the values that are measured from time to time, not counted, and write the file."""
        for phase in Phase:
            self._values["engage_connections_open", (self._listener, phase.name.lower())] = deadlines.count(phase)
        mine = (self._listener,)
        self._values["engage_app_requests_pending", mine] = pending
        self._values["engage_sightings_lost", mine] = sightings_lost
        self._values["engage_access_log_lines_lost", mine] = lines_lost
        for key in [key for key in self._values if key[0] == "engage_upstream_circuit_open"]:
            self._values[key] = 0
        for site in self.open_circuits():
            self._values["engage_upstream_circuit_open", (self._listener, site)] = 1
        if store_seconds is not None:
            self._values["engage_store_last_look_seconds", mine] = round(store_seconds, 3)
        if (offset := self.clock_offset()) is not None:
            self._values["engage_clock_offset_seconds", mine] = round(abs(offset), 3)
        self._write()

    def holds(self, count: int) -> None:
        """Set how much memory unfinished requests and answers take now. The next file has it."""
        self._values["engage_unfinished_bytes", (self._listener, self._process)] = count

    def _served(self) -> list[list[Any]]:
        name, current = "engage_release_served", self._snapshot.current if self._snapshot else {}
        return [[name, (self._listener, site, self._process), release.number] for site, release in current.items()]

    def _count(self, name: str, labels: Labels) -> None:
        key = name, labels
        self._values[key] = self._values.get(key, 0) + 1

    def _observe(self, name: str, labels: Labels, seconds: float) -> None:
        key = name, labels
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = self._histograms[key] = [0.0] * (len(BUCKETS) + 2)
        histogram[bisect_left(BUCKETS, seconds)] += 1
        histogram[-1] += seconds

    def _write(self) -> None:
        self._values[self._accepted] = self._accepted_count
        for reason, count in self._ended.items():
            self._values["engage_connections_ended", (self._listener, reason)] = count
        for (route, status), count in self._requests.items():
            self._values["engage_requests", (self._listener, route, str(status))] = count
        found = [[*key, value] for key, value in [*self._values.items(), *self._histograms.items()]]
        found += self._served()
        temporary = self._file.with_suffix(".new")
        with suppress(OSError):  # a full disk: the metrics stop, devices are served
            temporary.write_text(json.dumps(found))
            temporary.rename(self._file)


@lru_cache(maxsize=128)
def _reason(why: str) -> str:
    """Return one of a few reasons: all that OpenSSL says of a broken handshake is one reason here."""
    return why if _ENDS.fullmatch(why) else "tls"
