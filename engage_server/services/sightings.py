"""What devices do, noted while they are served: from a request or handshake to the local spool.

Nothing here waits for the database. A sighting counts as accepted when its line is in the spool's file; the answer goes
out after that, so a process that is killed at any moment has told no device something that it forgot itself.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from engage_server.records import Sighting, SightingKind
from engage_server.services.snapshot import ServedAnswer

_MAX_CHARACTERS = 64  # of any text in a sighting, as wide as the store's columns
_MAX_RELEASE = 2**31


class SightingSink(Protocol):
    """Where lines go; see :class:`engage_server.services.spool.SpoolWriter`."""

    def append(self, lines: Sequence[bytes]) -> bool:
        """Keep these lines, or count them as lost. Never raises."""


class Sightings:
    """Takes sightings and hands them to the spool in batches.

    Any thread may take one; :meth:`flush` belongs to the thread that serves, which calls it before it sends what it has
    answered meanwhile. So there is never more in memory than one turn of that thread has answered.

    Args:
        listener: ``http`` or ``https``.
        sink: The spool.
        clock: Gives the seconds since 1970.

    Attributes:
        lines: What was taken and not handed over yet.
    """

    def __init__(self, listener: str, sink: SightingSink, clock: Callable[[], float]) -> None:
        self._listener = listener
        self._sink = sink
        self._clock = clock
        self.lines: deque[bytes] = deque()

    def answered(self, kind: SightingKind, served: ServedAnswer, address: str, serial: str | None) -> None:
        """A device got its notice or a DER."""
        self._take(kind, address, serial, served.site, served.release)

    def handshake_finished(
        self,
        address: str,
        site: str | None,
        release: int | None,
        tls_version: str,
        *,
        resumed: bool,
        serial: str | None = None,
    ) -> None:
        """A TLS handshake came to its end: its device trusts this release's chain.

        Taken once when it ends; and once more, with the serial number, when a request on its connection tells that.
        """
        self._take(SightingKind.HANDSHAKE_FINISHED, address, serial, site, release, tls_version, resumed=resumed)

    def handshake_failed(
        self, address: str, site: str | None, release: int | None, tls_version: str, failure: str
    ) -> None:
        """A TLS handshake did not come to its end."""
        self._take(SightingKind.HANDSHAKE_FAILED, address, None, site, release, tls_version, failure)

    def called_in(self, site: str, address: str, serial: str) -> None:
        """A known device called in."""
        self._take(SightingKind.CALL_IN, address, serial, site, None)

    def reported(self, site: str, address: str, serial: str | None, event: str) -> None:
        """One of a device's audits told of a download, a hash or a connection: its code, and its data."""
        self._take(SightingKind.REPORT, address, serial, site, None, failure=event)

    def flush(self) -> None:
        """Hand over what was taken since the last time."""
        lines = self.lines
        if lines:
            self._sink.append([lines.popleft() for _ in range(len(lines))])

    def _take(
        self,
        kind: SightingKind,
        address: str,
        serial: str | None,
        site: str | None,
        release: int | None,
        tls_version: str = "",
        failure: str = "",
        resumed: bool = False,
    ) -> None:
        one, two, three, four, five, six, seven = map(
            _quoted, (kind, self._listener, address, serial, site, tls_version, failure)
        )
        at, number = self._clock(), release or "null"
        line = f"[{one},{at:.3f},{two},{three},{four},{five},{number},{six},{seven},{str(resumed).lower()}]\n"
        self.lines.append(line.encode("ascii"))


@lru_cache(maxsize=1024)
def _quoted(part: str | None) -> str:
    """JSON of a text. Kept: the same few texts stand in most lines, and Python's encoder takes its time."""
    return json.dumps(part)


def decoded(line: bytes) -> Sighting | None:
    """A line of the spool read again: a JSON list in the order of a sighting's attributes.

    None for a line that is no sighting, such as the torn end of a full disk.
    """
    try:
        kind, at, listener, address, serial, site, release, tls_version, failure, resumed = json.loads(line)
        texts = [_text(part) for part in (listener, address, tls_version, failure)]
        return Sighting(
            SightingKind(kind),
            datetime.fromtimestamp(at, UTC),
            texts[0],
            texts[1],
            None if serial is None else _text(serial),
            None if site is None else _text(site),
            None if release is None else int(release) % _MAX_RELEASE,
            texts[2],
            texts[3],
            bool(resumed),
        )
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _text(part: object) -> str:
    """A text that every database takes: an address may come from a header of somebody's."""
    if not isinstance(part, str):
        raise TypeError("no text")
    return part.replace("\0", "").encode("utf-8", "replace").decode()[:_MAX_CHARACTERS]
