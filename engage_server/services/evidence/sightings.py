"""Records what devices do while they are served: from a request or handshake to the local spool.

Nothing here waits for the database. A sighting is accepted when its line is in the spool's file, and only then the
answer goes out. So a process that is killed at any moment has sent no answer that it did not record.
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
    """Takes lines; see :class:`engage_server.services.evidence.spool.SpoolWriter`."""

    def append(self, lines: Sequence[bytes]) -> bool:
        """Keep these lines, or count them as lost. Never raises."""


class Sightings:
    """Collects sightings and writes them to the spool in batches.

    Any thread may record one. :meth:`flush` is only for the thread that serves: it must call it before it sends its
    answers, and several times a second. So memory holds only what one turn of that thread has answered, and the latest
    handshakes without a request.

    Args:
        listener: ``http`` or ``https``.
        sink: The spool.
        clock: Gives the seconds since 1970.
        is_devices: Whether devices of a site call from an address. Contacts from elsewhere, or through a proxy, are
            counted in metrics and logged, but are not evidence.
        is_proxys: Whether an address is a trusted proxy's. Its handshakes are its own, not those of devices.

    Attributes:
        lines: Lines that were not written to the spool yet.
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
        """Record that a device got its notice or a DER.

        Args:
            kind: Notice or certificate.
            served: The answer that it got.
            address: The address that it called from.
            serial: Its serial number, if it sent one.
            marked: Here and below: whether it says that it is a virtual lock.
            host: Here and below: the host that it called, as sites spell it; "" if it named none.
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
        """Record a finished TLS handshake: its device trusts this release's chain.

        It is recorded when it finishes. It is recorded again if a request on its connection brings a serial number or a
        token.
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
        """Record a TLS handshake that failed."""
        if not self._is_proxys(address):
            kind = SightingKind.HANDSHAKE_FAILED
            self._take(kind, address, None, site, release, tls_version, failure, marked=marked)

    def called_in(
        self, site: str, address: str, serial: str, token: str = "", *, marked: bool = False, host: str = ""
    ) -> None:
        """Record a call-in of a known device."""
        self._take(SightingKind.CALL_IN, address, serial, site, None, token=token, marked=marked, host=host)

    def audited(
        self, site: str, address: str, serial: str | None, event: str, token: str = "", *, marked: bool = False
    ) -> None:
        """Record an event from a device's audits about a download, a hash or a connection: its code and its data."""
        self._take(SightingKind.AUDIT, address, serial, site, None, failure=event, token=token, marked=marked)

    def flush(self) -> None:
        """Write what was recorded since the last call to the spool."""
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
    """The end of a line. The letters of a token need no escape in JSON, see protocol/device_token.py."""
    return f',"{token}"{_mark_and_host(marked, host)}'


@lru_cache(maxsize=1024)
def _mark_and_host(marked: bool, host: str) -> str:
    parts = [VIRTUAL_LOCK if marked else "", host if len(host) <= MAX_HOST_CHARACTERS else ""]
    while parts and not parts[-1]:
        parts.pop()
    return "".join(f",{json.dumps(part)}" for part in parts)


@lru_cache(maxsize=1024)
def _of_site(site: str | None, release: int | None, tls_version: str, failure: str, resumed: bool) -> str:
    """The part of a line that is the same for most devices of a site, cached."""
    return json.dumps([site, release or None, tls_version, failure, resumed], separators=(",", ":"))[1:-1]


_WHITE_SPACE = " \t\n\r"  # as JSON has it (RFC 8259 section 2)
_read_list = json.JSONDecoder().raw_decode


class Spooled(NamedTuple):
    """The content of a line of the spool.

    Attributes:
        sighting: What a device did.
        token: A token that may prove its identity; "" for none. It must not reach logs, errors or the store.
    """

    sighting: Sighting
    token: str


def spooled(line: bytes) -> Spooled | None:
    """Parse a line of the spool: a JSON list in the order of a sighting's attributes, then three rare parts.

    The rare parts are a token, the mark of a virtual lock, and the host that was called; each is "" for none.

    Returns None if a line is not a sighting, such as a line cut off on a full disk.
    """
    try:
        text = line.decode("ascii").strip(_WHITE_SPACE)
        parts, end = _read_list(text)  # json.loads takes twice as long: it looks for white space by an expression
        if end != len(text):
            return None
        kind, at, listener, address, serial, site, release, tls_version, failure, resumed, *rest = parts
        sighting = Sighting(
            _KINDS[kind],
            datetime.fromtimestamp(at, UTC),
            _usual_text(listener),
            folded(_text(address)),  # a line of an earlier version may spell it differently
            None if serial is None else _text(serial),
            None if site is None else _usual_text(site),
            None if release is None else int(release) % _MAX_RELEASE,
            _usual_text(tls_version),
            _usual_text(failure),
            bool(resumed),
            disregarded=VIRTUAL_LOCK if VIRTUAL_LOCK in rest[1:2] else "",
            host=_text(rest[2], MAX_HOST_CHARACTERS) if len(rest) > 2 else "",
        )
        return Spooled(sighting, str(rest[0]) if rest else "")
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return None


def decoded(line: bytes) -> Sighting | None:
    """The sighting of a line, without its token."""
    found = spooled(line)
    return None if found is None else found.sighting


def _text(part: object, limit: int = _MAX_CHARACTERS) -> str:
    """A text that every database accepts. An address may come from a header that anyone can write."""
    if not isinstance(part, str):
        raise TypeError("not a text")
    if part.isascii() and part.isprintable() and len(part) <= limit:
        return part
    return part.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


_usual_text = lru_cache(maxsize=1024, typed=True)(_text)  # for parts that are the same in most lines
