"""What devices do, noted while they are served: from a request or handshake to the local spool.

Nothing here waits for the database. A sighting counts as accepted when its line is in the spool's file; the answer goes
out after that, so a process that is killed at any moment has told no device something that it forgot itself.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

from engage_server.protocol.json_body import quoted
from engage_server.records import VIRTUAL_LOCK, Sighting, SightingKind, folded
from engage_server.services.distribution.snapshot import ServedAnswer

_MAX_CHARACTERS = 64  # of any text in a sighting, as wide as the store's columns
_MAX_RELEASE = 2**31
MAX_HOST_CHARACTERS = 253  # of a DNS name (RFC 1035 section 2.3.4)
_KINDS = {kind.value: kind for kind in SightingKind}


class SightingSink(Protocol):
    """Where lines go; see :class:`engage_server.services.evidence.spool.SpoolWriter`."""

    def append(self, lines: Sequence[bytes]) -> bool:
        """Keep these lines, or count them as lost. Never raises."""


class Sightings:
    """Takes sightings and hands them to the spool in batches.

    Any thread may take one; :meth:`flush` belongs to the thread that serves, which calls it before it sends what it has
    answered meanwhile, and several times a second. So there is never more in memory than what one turn of that thread
    has answered, and the handshakes of a moment on which nothing was asked yet.

    Args:
        listener: ``http`` or ``https``.
        sink: The spool.
        clock: Gives the seconds since 1970.
        is_devices: Whether an address is one that devices of a site call from. What comes from elsewhere, or through a
            proxy, is counted in metrics and written in the log, and is evidence of nothing.
        is_proxys: Whether an address is a trusted proxy's: its handshakes are its own, whoever's requests it brings.

    Attributes:
        lines: What was taken and not handed over yet.
    """

    def __init__(
        self,
        listener: str,
        sink: SightingSink,
        clock: Callable[[], float],
        is_devices: Callable[[str, str], bool] = lambda _site, _address: True,
        is_proxys: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        self._is_devices = is_devices
        self._is_proxys = is_proxys
        self._listener = json.dumps(listener)
        self._sink = sink
        self._clock = clock
        self.lines: deque[bytes] = deque()

    def answered(
        self,
        kind: SightingKind,
        served: ServedAnswer,
        address: str,
        serial: str | None,
        *,
        marked: bool = False,
        host: str = "",
    ) -> None:
        """A device got its notice or a DER.

        Args:
            kind: Which of the two.
            served: What it got.
            address: From where it called.
            serial: Its serial number, if it told one.
            marked: Here and below: whether it said that it is a virtual lock.
            host: Here and below: the host that it called, as sites spell it; "" where it named none.
        """
        self._take(kind, address, serial, served.site, served.release, marked=marked, host=host)

    def handshake_finished(
        self,
        address: str,
        site: str | None,
        release: int | None,
        tls_version: str,
        *,
        resumed: bool,
        serial: str | None = None,
        token: str = "",
        marked: bool = False,
    ) -> None:
        """A TLS handshake came to its end: its device trusts this release's chain.

        Taken once when it ends; and once more, with the serial number or a token, when a request on its connection
        brings that.
        """
        if not self._is_proxys(address):
            kind = SightingKind.HANDSHAKE_FINISHED
            self._take(kind, address, serial, site, release, tls_version, resumed=resumed, token=token, marked=marked)

    def handshake_failed(
        self,
        address: str,
        site: str | None,
        release: int | None,
        tls_version: str,
        failure: str,
        *,
        marked: bool = False,
    ) -> None:
        """A TLS handshake did not come to its end."""
        if not self._is_proxys(address):
            kind = SightingKind.HANDSHAKE_FAILED
            self._take(kind, address, None, site, release, tls_version, failure, marked=marked)

    def called_in(
        self, site: str, address: str, serial: str, token: str = "", *, marked: bool = False, host: str = ""
    ) -> None:
        """A known device called in."""
        self._take(SightingKind.CALL_IN, address, serial, site, None, token=token, marked=marked, host=host)

    def audited(
        self, site: str, address: str, serial: str | None, event: str, token: str = "", *, marked: bool = False
    ) -> None:
        """One of a device's audits told of a download, a hash or a connection: its code, and its data."""
        self._take(SightingKind.AUDIT, address, serial, site, None, failure=event, token=token, marked=marked)

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
        token: str = "",
        marked: bool = False,
        host: str = "",
    ) -> None:
        if site is not None and not self._is_devices(site, address):
            return
        last = _seldom(token, marked, host) if token or marked or host else ""
        line = (
            f"[{quoted(kind)},{self._clock():.3f},{self._listener},{quoted(address)},{quoted(serial)},"
            f"{_of_site(site, release, tls_version, failure, resumed)}{last}]\n"
        )
        self.lines.append(line.encode("ascii"))


def _seldom(token: str, marked: bool, host: str) -> str:
    """The end of a line. A token is of letters that JSON takes as they are, see protocol/device_token.py."""
    return f',"{token}"{_mark_and_host(marked, host)}'


@lru_cache(maxsize=1024)
def _mark_and_host(marked: bool, host: str) -> str:
    parts = [VIRTUAL_LOCK if marked else "", host if len(host) <= MAX_HOST_CHARACTERS else ""]
    while parts and not parts[-1]:
        parts.pop()
    return "".join(f",{json.dumps(part)}" for part in parts)


@lru_cache(maxsize=1024)
def _of_site(site: str | None, release: int | None, tls_version: str, failure: str, resumed: bool) -> str:
    """The part of a line that is the same for most devices of a site."""
    return json.dumps([site, release or None, tls_version, failure, resumed], separators=(",", ":"))[1:-1]


class Spooled(NamedTuple):
    """What a line of the spool holds.

    Attributes:
        sighting: What a device did.
        token: By which it may prove itself; "" for none. Not for logs, errors or the store.
    """

    sighting: Sighting
    token: str


def spooled(line: bytes) -> Spooled | None:
    """A line of the spool read again: a JSON list in the order of a sighting's attributes, and what comes seldom.

    Behind them stand a token, the mark of a virtual lock, and the host that was called; each "" for none.

    None for a line that is no sighting, such as the torn end of a full disk.
    """
    try:
        kind, at, listener, address, serial, site, release, tls_version, failure, resumed, *rest = json.loads(
            line.decode("ascii")
        )
        sighting = Sighting(
            _KINDS[kind],
            datetime.fromtimestamp(at, UTC),
            _text(listener),
            folded(_text(address)),  # a line of an earlier version may have the other spelling
            None if serial is None else _text(serial),
            None if site is None else _text(site),
            None if release is None else int(release) % _MAX_RELEASE,
            _text(tls_version),
            _text(failure),
            bool(resumed),
            disregarded=VIRTUAL_LOCK if VIRTUAL_LOCK in rest[1:2] else "",
            host=_text(rest[2], MAX_HOST_CHARACTERS) if len(rest) > 2 else "",
        )
        return Spooled(sighting, str(rest[0]) if rest else "")
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return None


def decoded(line: bytes) -> Sighting | None:
    """The sighting of a line alone."""
    found = spooled(line)
    return None if found is None else found.sighting


def _text(part: object, limit: int = _MAX_CHARACTERS) -> str:
    """A text that every database takes: an address may come from a header of somebody's."""
    if not isinstance(part, str):
        raise TypeError("no text")
    if part.isascii() and part.isprintable() and len(part) <= limit:
        return part
    return part.replace("\0", "").encode("utf-8", "replace").decode()[:limit]
