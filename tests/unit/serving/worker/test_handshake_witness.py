"""Which failed handshakes are sightings: those of who sent a ClientHello, and of no port scan."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from engage_server.protocol.virtual_lock_mark import ALPN
from engage_server.services.evidence.sightings import Sightings, decoded
from engage_server.serving.worker.connections.tls_connection import TlsConnection, TlsFailure
from engage_server.serving.worker.equipment import HandshakeWitness
from engage_server.serving.worker.metrics import ListenerMetrics
from tests.support.hello_bytes import named
from tests.support.sinks import Sink


def seen_of(folder: Path, *pieces: bytes) -> list[str]:
    """What is seen of a client that sends this and goes: why each sighting counts for nothing, "" where it counts."""
    sink = Sink()
    sightings = Sightings("https", sink, time.time)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = TlsConnection(ours, "192.0.2.1", 0.0, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        reason = "closed"
        try:
            for piece in pieces:
                theirs.sendall(piece)
                connection.receive()
        except TlsFailure as failure:
            reason = failure.reason
        HandshakeWitness(ListenerMetrics("https", folder), sightings).failed(connection, reason)
    sightings.flush()
    return [found.disregarded for line in sink.kept if (found := decoded(line))]


HELLO = named(b"locks.example.org")


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\n\r\n",),
        (HELLO[:60],),
        (HELLO[:3],),
        (b"\x00" * 40,),
        (b"\x15\x03\x01\x00\x02\x02\x28",),
        (b"\x16\x03\x01\x40\x01",),
    ],
    ids=["http", "half a hello", "three octets", "zeros", "an alert", "too long"],
)
def test_who_sends_no_hello_is_no_device(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    """A scan of ports, a load balancer's look, and the halves of hellos of "engage lock misbehave" became devices."""
    assert seen_of(tmp_path, *pieces) == []


def test_who_sends_one_is(tmp_path: Path) -> None:
    assert seen_of(tmp_path, HELLO) == [""]
    assert seen_of(tmp_path, HELLO[:60], HELLO[60:]) == [""]
    assert seen_of(tmp_path, named("\xe4.example.org".encode())) == [""], "its name is refused, and told"


def test_a_marked_one_says_so(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols([ALPN.decode()])
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="locks.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    assert seen_of(tmp_path, outgoing.read()) == ["virtual_lock"]
