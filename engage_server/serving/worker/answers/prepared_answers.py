"""Answers the devices' two fast routes without Flask, for requests that match exactly.

The Flask app still decides. Its URL map defines the paths, and each answer is the bytes that its own view returned. A
request that is not recognised, is refused, or has no prepared answer goes to the app itself.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from flask import Flask

from engage_server.protocol.serial_number import serial_from_query
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.records import SightingKind
from engage_server.services.distribution.lookup import Distribution, Refusal
from engage_server.services.distribution.site_choice import host_of_header
from engage_server.services.distribution.snapshot import EMPTY, ServedAnswer, Snapshot
from engage_server.serving.worker.answers import wire
from engage_server.web import device

# One header line of a device or a plain client. Left out are headers that frame a body, set a condition or a range, ask
# for another protocol, or speak for another client (X-Forwarded-*): the app handles those.
_HARMLESS = (
    rb"(?:Host|User-Agent|Accept|Accept-Charset|Accept-Encoding|Accept-Language|Cache-Control|Pragma|"
    + HEADER.encode("ascii")
    + rb")"
)
_FIELD = rb"(?:(?i:" + _HARMLESS + rb"):[ \t]*[ -~]*|(?i:Connection):[ \t]*(?i:close|keep-alive)[ \t]*)\r\n"
_HOST = re.compile(rb"\r\n(?i:Host):[ \t]*([ -~]*?)[ \t]*(?=\r\n)")
_CLOSE = re.compile(rb"\r\n(?i:Connection):[ \t]*(?i:close)")
_MARK = re.compile(rb"\r\n(?i:" + HEADER.encode("ascii") + rb"):")
_MAX_BYTES = 4096  # a longer request may exceed a limit: the parser checks that
_REQUESTS_KEPT = 256

DIGEST = "<digest>"


class DeviceRequest(NamedTuple):
    """A request for the notice or a DER.

    Attributes:
        is_head: Whether it is HEAD, not GET.
        path: As received.
        digest: The DER's digest. None for the notice.
        host: The Host field's value, as received.
        query: The raw query string.
        keeps_alive: Whether another request may follow.
        is_marked: Whether it says that a virtual lock sends it.
    """

    is_head: bool
    path: str
    digest: str | None
    host: str
    query: str
    keeps_alive: bool
    is_marked: bool

    @property
    def route(self) -> str:
        """The request's endpoint in the app's URL map."""
        return device.DER_ENDPOINT if self.digest else device.NOTICE_ENDPOINT


class Prepared(NamedTuple):
    """An answer, and what is recorded about it.

    Attributes:
        status: The line.
        rest: Everything after the Connection field.
        served: What the answer serves.
        kind: What the device did by asking for it.
        serial: The device's serial number, if a request for the notice gave it. ``cert_url`` has no query.
        host: The host that it called for the notice, as sites spell it. "" for a DER.
    """

    status: bytes
    rest: bytes
    served: ServedAnswer
    kind: SightingKind
    serial: str | None
    host: str


class PreparedAnswers:
    """Recognises device requests, and holds the answers of the snapshots that are served.

    Args:
        app: The device listeners' app.
        distribution: Chooses the answer.

    Attributes:
        recognise: Returns the device request, if some bytes are exactly one such request from the first to the last.
            Else None. It depends only on the bytes.
    """

    def __init__(self, app: Flask, distribution: Distribution) -> None:
        self._app = app
        self._distribution = distribution
        self._request = _request_pattern(app)
        # most devices of a site send exactly the same bytes
        self.recognise = lru_cache(_REQUESTS_KEPT)(self._recognise)
        self._answers: dict[ServedAnswer, tuple[bytes, bytes, bytes]] = {}  # status line, header fields, body
        self._found: dict[DeviceRequest, Prepared] = {}  # of the snapshot below, where no address matters
        self._found_in = EMPTY

    def prepare(self, snapshot: Snapshot, held: Snapshot | None = None) -> None:
        """Prepare the answers of a snapshot before it is published. Those of the previous one stay until the next.

        Args:
            snapshot: The snapshot.
            held: Another prepared one, which may be published meanwhile.
        """
        snapshots = (self._distribution.snapshot, *((held,) if held is not None else ()), snapshot)
        wanted = [each for one in snapshots for each in _answers_of(one)]
        self._answers = {served: self._answers.get(served) or self._rendered(kind, served) for kind, served in wanted}

    def _recognise(self, content: bytes) -> DeviceRequest | None:
        found = self._request.fullmatch(content) if len(content) <= _MAX_BYTES else None
        if found is None:
            return None
        hosts = _HOST.findall(content)
        if len(hosts) != 1:
            return None
        method, path, digest, query = found.groups()
        return DeviceRequest(
            is_head=method == b"HEAD",
            path=path.decode("ascii"),
            digest=digest.decode("ascii") if digest else None,
            host=hosts[0].decode("ascii"),
            query=query.decode("ascii") if query else "",
            keeps_alive=_CLOSE.search(content) is None,
            is_marked=_MARK.search(content) is not None,
        )

    def answer(self, request: DeviceRequest, address: str, local: str = "") -> Prepared | None:
        """Return the answer, or None if the app has to find it."""
        snapshot = self._distribution.snapshot
        if snapshot is not self._found_in:
            self._found, self._found_in = {}, snapshot
        found = self._found.get(request)
        if found is not None:
            return found
        found = self._look_up(request, address, local)
        if found is not None and not snapshot.networks and not snapshot.by_local_address:
            if len(self._found) >= _REQUESTS_KEPT:
                self._found.clear()
            self._found[request] = found  # of this snapshot, or of a later one, in which case nothing reads it here
        return found

    def _look_up(self, request: DeviceRequest, address: str, local: str) -> Prepared | None:
        if request.digest is None:
            kind, served = SightingKind.NOTICE, self._distribution.notice(request.host, request.query, address, local)
        else:
            kind, served = SightingKind.CERTIFICATE, self._distribution.der(request.digest, address)
        rendered = None if isinstance(served, Refusal) else self._answers.get(served)
        if rendered is None or isinstance(served, Refusal):
            return None
        status, head, body = rendered
        serial = serial_from_query(request.query) if request.query and kind is SightingKind.NOTICE else None
        host = host_of_header(request.host) if kind is SightingKind.NOTICE else ""
        return Prepared(status, head if request.is_head else head + body, served, kind, serial, host)

    def _rendered(self, kind: SightingKind, served: ServedAnswer) -> tuple[bytes, bytes, bytes]:
        """Return what the view makes of an answer."""
        response = device.rendered(kind, served)
        return wire.status_line(response.status), wire.fields(response.headers), response.get_data()


def _request_pattern(app: Flask) -> re.Pattern[bytes]:
    """Build the pattern of one whole request for a device route of the app's URL map."""
    paths = sorted(_paths(app))
    return re.compile(
        rb"(GET|HEAD) (" + b"|".join(paths) + rb')(?:\?([!-"$-~]*))? HTTP/1\.1\r\n(?:' + _FIELD + rb")*\r\n"
    )


def _paths(app: Flask) -> Iterable[bytes]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in (device.NOTICE_ENDPOINT, device.DER_ENDPOINT) and {"GET", "HEAD"} <= set(
            rule.methods or ()
        ):
            yield re.escape(rule.rule).replace(re.escape(DIGEST), "([0-9a-f]+)").encode("ascii")


def _answers_of(snapshot: Snapshot) -> Iterator[tuple[SightingKind, ServedAnswer]]:
    for release in snapshot.current.values():
        yield from ((SightingKind.NOTICE, notice) for notice in release.notices.values())
    yield from ((SightingKind.CERTIFICATE, der.answer) for der in snapshot.ders.values())
