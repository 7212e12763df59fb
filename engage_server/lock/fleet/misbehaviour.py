"""Imitates faulty and hostile devices, and records how the host handles them."""

import secrets
import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from engage_server.errors import NotPossible
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.target import Target
from engage_server.lock.transport.http import read_response
from engage_server.lock.virtual_lock import Trigger, VirtualLock
from engage_server.protocol import paths
from engage_server.protocol.site_key import SITE_KEY_BYTES
from engage_server.protocol.virtual_lock_mark import HEADER
from engage_server.records import Secret

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 seconds: the peer gets a reset
_HALF_A_CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303")
_REPEATED = 100
_GARBAGE_SERIALS = ("%00", "%ZZ", "A" * 3000, "' OR 1=1", "%0d%0aX: y", "=" * 40, "\xff")


class Misbehaviour(StrEnum):
    """One kind of misbehaviour."""

    STALL = "stall"  # half a ClientHello, then silence
    HALF_REQUEST = "half-request"  # half a request line, then silence
    SLOW = "slow"  # one byte a second
    VANISH = "vanish"  # a whole request, then a reset instead of a sign-off
    SILENT = "silent"  # a connection without any bytes
    REPEAT = "repeat"  # many requests for the notice
    GARBAGE_SERIAL = "garbage-serial"  # queries that no device sends
    WRONG_KEY = "wrong-key"  # downloads notice and DER, finds that the hash is wrong, and never connects by TLS


@dataclass(frozen=True, slots=True)
class Endured:
    """How the host handled one misbehaving device.

    Attributes:
        outcome: One of a few phrases to count: ``closed by the host``, ``still open``, ``answered 200``, ``reset``.
        seconds: How long it took.
    """

    outcome: str
    seconds: float


def misbehave(how: Misbehaviour, target: Target, limits: DeviceLimits) -> Endured:
    """Act as one misbehaving device for a limited time.

    Args:
        how: The kind of misbehaviour.
        target: The host.
        limits: ``seconds`` is how long the device stays connected.

    Raises:
        OSError: There is no connection.
    """
    port = target.https_port if how is Misbehaviour.STALL else target.http_port
    begin = time.monotonic()
    if how is Misbehaviour.WRONG_KEY:
        return Endured(_with_a_wrong_key(target, limits), time.monotonic() - begin)
    with closing(socket.create_connection((target.host, port), limits.seconds)) as connection:
        try:
            outcome = _WAYS[how](connection, target, begin + limits.seconds)
        except TimeoutError:
            outcome = "still open"
        except OSError:
            outcome = "reset"
    return Endured(outcome, time.monotonic() - begin)


def _request(target: Target, query: str = "") -> bytes:
    authority = f"{target.host}:{target.http_port}"
    return f"GET {paths.NOTICE}{query} HTTP/1.1\r\nHost: {authority}\r\n{HEADER}: 1\r\n\r\n".encode("latin-1")


def _stall(connection: socket.socket, _target: Target, until: float) -> str:
    connection.sendall(_HALF_A_CLIENT_HELLO)
    return _outcome(connection, until)


def _half_request(connection: socket.socket, target: Target, until: float) -> str:
    connection.sendall(_request(target)[:20])
    return _outcome(connection, until)


def _silent(connection: socket.socket, _target: Target, until: float) -> str:
    return _outcome(connection, until)


def _slow(connection: socket.socket, target: Target, until: float) -> str:
    for byte in _request(target):
        connection.settimeout(1)
        connection.sendall(bytes([byte]))
        try:
            answer = connection.recv(4096)
        except TimeoutError:
            answer = None
        if answer is not None:
            return _named(answer)
        if time.monotonic() > until:
            return "still open"
    return _outcome(connection, until)


def _vanish(connection: socket.socket, target: Target, _until: float) -> str:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.sendall(_request(target))
    return "gone"


def _repeat(connection: socket.socket, target: Target, until: float) -> str:
    for _ in range(_REPEATED):
        connection.settimeout(max(0.01, until - time.monotonic()))
        connection.sendall(_request(target))
        try:
            read_response(connection.recv, DeviceLimits())
        except DeviceRefusal as refusal:
            return refusal.sentence
    return f"answered {_REPEATED} times"


def _garbage_serial(connection: socket.socket, target: Target, until: float) -> str:
    garbage = secrets.choice(_GARBAGE_SERIALS).replace(" ", "%20")
    connection.sendall(_request(target, f"?serialNumber={garbage}&hashType=primary&v=2"))
    return _outcome(connection, until)


def _with_a_wrong_key(target: Target, limits: DeviceLimits) -> str:
    lock = VirtualLock(target, Secret(secrets.token_bytes(SITE_KEY_BYTES)), limits, Firmware(), only_target=True)
    try:
        *_, last = lock.run(Trigger.COMMISSIONING, datetime.now(UTC))
    except NotPossible as error:
        raise OSError(0, error.sentence) from None
    return f"stopped at the {last.name}"


def _outcome(connection: socket.socket, until: float) -> str:
    connection.settimeout(max(0.01, until - time.monotonic()))
    return _named(connection.recv(4096))


def _named(answer: bytes) -> str:
    if not answer:
        return "closed by the host"
    if answer.startswith(b"\x15"):
        return "refused with a TLS alert"
    return f"answered {answer[9:12].decode('latin-1')}" if answer.startswith(b"HTTP/") else "answered otherwise"


_WAYS: dict[Misbehaviour, Callable[[socket.socket, Target, float], str]] = {
    Misbehaviour.STALL: _stall,
    Misbehaviour.HALF_REQUEST: _half_request,
    Misbehaviour.SLOW: _slow,
    Misbehaviour.VANISH: _vanish,
    Misbehaviour.SILENT: _silent,
    Misbehaviour.REPEAT: _repeat,
    Misbehaviour.GARBAGE_SERIAL: _garbage_serial,
}
