"""What a worker counts: plain numbers in memory, and once a second a small file of its own.

The operators' instance adds the files of all workers up (:mod:`engage_server.serving.operators.exposition`). So a
request costs a few dictionary look-ups; a worker that is killed takes the count of its last second with it.
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

# upper bounds in seconds; what lies above the last one counts in "+Inf" alone
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_ENDS = re.compile(r"done|closed|reset|limit|handshakes|memory|defect|timeout [a-z]+|hello [a-z]+|empty records")

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of the workers.

    Attributes:
        kind: How the workers' values go together: counters and histograms are added up, those of ended workers too;
            gauges only of the living; of a "largest" the largest of the living counts.
        help: For people.
        labels: Names; "process" is filled in by the exposition where a value of each worker is of interest.
    """

    kind: Literal["counter", "gauge", "largest", "histogram"]
    help: str
    labels: Labels


FAMILIES: Mapping[str, Family] = {
    "engage_requests": Family("counter", "Requests that were answered.", ("listener", "route", "status")),
    "engage_request_seconds": Family("histogram", "From the whole request to the sent answer.", ("listener", "route")),
    "engage_connections_accepted": Family("counter", "Connections that were accepted.", ("listener", "process")),
    "engage_connections_ended": Family(
        "counter", "Connections that have ended, by the reason.", ("listener", "reason")
    ),
    "engage_worker_defects": Family(
        "counter", "Exceptions that a worker's loop survived; the log has each kind once a minute.", ("listener",)
    ),
    "engage_connections_open": Family("gauge", "Open connections, by what they wait for.", ("listener", "phase")),
    "engage_handshakes": Family(
        "counter", "TLS handshakes: finished, alert (the client refused), failed.", ("result", "tls_version")
    ),
    "engage_handshake_seconds": Family(
        "histogram", "From the connection to the end of its handshake.", ("tls_version",)
    ),
    "engage_tls_alerts_received": Family("counter", "TLS alerts of clients (RFC 8446 section 6).", ("alert",)),
    "engage_unfinished_bytes": Family(
        "gauge", "What unfinished requests and answers take of each worker's memory.", ("listener", "process")
    ),
    "engage_app_requests_pending": Family("gauge", "Requests that the app runs or has waiting.", ("listener",)),
    "engage_sightings_lost": Family("counter", "Sightings that the spool could not take.", ("listener",)),
    "engage_access_log_lines_lost": Family("counter", "Lines that the reader of the log did not take.", ("listener",)),
    "engage_upstream_circuit_open": Family(
        "gauge", "Workers that pass no calls on, because a site's system answered nobody.", ("listener", "site")
    ),
    "engage_store_last_look_seconds": Family(
        "largest", "For how long a worker has not seen whether the database holds something newer.", ("listener",)
    ),
    "engage_release_served": Family("gauge", "The release that each worker serves.", ("listener", "site", "process")),
}


class ListenerMetrics:
    """The figures of one worker.

    Args:
        listener: ``http``, ``https`` or ``operators``.
        folder: Where its file lies; made already.

    Attributes:
        open_circuits: Gives the sites whose systems are not asked at the moment.
    """

    def __init__(self, listener: str, folder: Path) -> None:
        self.open_circuits: Callable[[], Sequence[str]] = tuple
        self._listener = listener
        self._file = folder / f"{os.getpid()}.json"
        self._process = str(os.getpid())
        self._values: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[tuple[str, Labels], list[float]] = {}  # a count for each bucket, the rest, the sum
        self._snapshot: Snapshot | None = None
        self._accepted = "engage_connections_accepted", (listener, self._process)
        self._values[self._accepted] = 0
        # what is counted for each connection and request, by few words; put under its full names when that is written
        self._accepted_count = 0
        self._ended: dict[str, int] = {}
        self._requests: dict[tuple[str, int], int] = {}

    def accepted(self) -> None:
        """A connection was accepted."""
        self._accepted_count += 1

    def defect(self) -> None:
        """The loop survived an exception that nobody expected."""
        self._count("engage_worker_defects", (self._listener,))

    def ended(self, why: str) -> None:
        """It has ended."""
        reason = _reason(why)
        self._ended[reason] = self._ended.get(reason, 0) + 1

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        key = route, status
        self._requests[key] = self._requests.get(key, 0) + 1
        self._observe("engage_request_seconds", (self._listener, route), seconds)

    def handshake_finished(self, tls_version: str, seconds: float) -> None:
        """A handshake came to its end."""
        self._count("engage_handshakes", ("finished", tls_version))
        self._observe("engage_handshake_seconds", (tls_version,), seconds)

    def handshake_failed(self, tls_version: str, reason: str) -> None:
        """A handshake failed, or the client refused late what it had seen."""
        is_alert = reason.startswith("alert ")
        self._count("engage_handshakes", ("alert" if is_alert else "failed", tls_version))
        if is_alert:
            self._count("engage_tls_alerts_received", (reason.removeprefix("alert "),))

    def serving(self, snapshot: Snapshot) -> None:
        """Another snapshot is served. Called in the follower's thread: kept until the loop looks."""
        self._snapshot = snapshot

    def look(
        self, deadlines: "Deadlines[Any]", pending: int, sightings_lost: int, lines_lost: int, store_seconds: float
    ) -> None:
        """Take what is looked at now and then, not counted, and write the file."""
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
        self._values["engage_store_last_look_seconds", mine] = round(store_seconds, 3)
        self._write()

    def holds(self, count: int) -> None:
        """What unfinished requests and answers take now; written with the next look."""
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
        with suppress(OSError):  # a full disk: the figures stand still, devices are served
            temporary.write_text(json.dumps(found))
            temporary.rename(self._file)


@lru_cache(maxsize=128)
def _reason(why: str) -> str:
    """One of a few: whatever OpenSSL says of a broken handshake is one reason here."""
    return why if _ENDS.fullmatch(why) else "tls"
