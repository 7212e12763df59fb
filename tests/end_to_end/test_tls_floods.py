"""What a TLS client can make the server keep or compute before it has said anything: little, and in its turn."""

import ctypes
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.support.hello_bytes import named, record
from tests.support.hostile import HELLO, ask
from tests.support.running import RunningPair, eventually, running_pair
from tests.support.trusting import FAR_TOO_LONG, trusting

OVERSIZE = bytes.fromhex("16030100050101FFB803")  # a handshake message of 131,000 octets is announced


def ended(pair: RunningPair, reason: str) -> float:
    return pair.metrics()[f'engage_connections_ended_total{{listener="https",reason="{reason}"}}']


def connected(pair: RunningPair, address: str = "127.0.0.1") -> socket.socket:
    connection = socket.socket()
    connection.settimeout(10)
    connection.bind((address, 0))
    connection.connect(("127.0.0.1", pair.https_port))
    return connection


def answered(pair: RunningPair, content: bytes) -> bytes:
    with closing(connected(pair)) as connection:
        connection.sendall(content)
        return connection.recv(65536)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPair]:
    """A pair that takes 60 handshakes at a time, 40 of one address."""
    from tests.support.installation import make_installation

    limits = {"ENGAGE_MAX_HANDSHAKES": "60", "ENGAGE_MAX_HANDSHAKES_PER_ADDRESS": "40"}
    with running_pair(make_installation(tmp_path_factory.mktemp("floods")), "--workers", "1", **limits) as running:
        yield running


def test_what_is_announced_is_not_allocated(pair: RunningPair) -> None:
    before = ended(pair, "hello size")
    assert answered(pair, OVERSIZE) == bytes.fromhex("15030300020 22f".replace(" ", "")), "illegal_parameter"
    eventually(lambda: ended(pair, "hello size") == before + 1, "counted")
    assert answered(pair, HELLO)[0] == 22, "a right one is answered"


def retry_hello() -> bytes:
    """A right hello of TLS 1.3 without a key share: a client may ask for a retry so (RFC 8446 section 4.2.8)."""
    body = bytearray(HELLO[5:])
    shares = body.index(b"\x00\x33", 100)  # the extension key_share, length, list, group, length, key
    length = struct.unpack(">H", body[shares + 2 : shares + 4])[0]
    share = struct.pack(">HHH", 0x33, 2, 0)
    body[shares : shares + 4 + length] = share
    grown = len(share) - 4 - length
    at = 4 + 2 + 32
    at += 1 + body[at]
    at += 2 + struct.unpack(">H", body[at : at + 2])[0]
    at += 1 + body[at]
    extensions = struct.unpack(">H", body[at : at + 2])[0] + grown
    body[at : at + 2] = struct.pack(">H", extensions)
    body[1:4] = (len(body) - 4).to_bytes(3, "big")
    return record(bytes(body))


@pytest.mark.parametrize("at_once", [True, False])
def test_nor_is_what_a_second_hello_announces(pair: RunningPair, at_once: bool) -> None:
    """The server has asked for another one: the same ten octets again, in the same packet or later."""
    before = ended(pair, "hello size")
    with closing(connected(pair)) as connection:
        connection.sendall(retry_hello() + (OVERSIZE if at_once else b""))
        answer = connection.recv(65536)
        assert answer[5] == 2, "a HelloRetryRequest"
        if not at_once:
            connection.sendall(b"\x14\x03\x03\x00\x01\x01" + OVERSIZE)
        with suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
    assert answer.endswith(bytes.fromhex("1503030002022f"))
    eventually(lambda: ended(pair, "hello size") == before + 1, "counted")


def test_a_retry_of_a_right_client_succeeds(pair: RunningPair) -> None:
    """OpenSSL's client with a group first that the server has not: the handshake takes two hellos."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{pair.https_port}", "-groups", "ffdhe2048:X25519", "-tls1_3"],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert b"TLSv1.3, Cipher is" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["schlösser.example.org".encode(), b"\xff\xfe", "schlösser".encode("latin-1")])
def test_a_server_name_that_is_not_ascii_is_refused_by_its_alert(pair: RunningPair, name: bytes) -> None:
    assert answered(pair, named(name)) == bytes.fromhex("15030300020270"), "unrecognized_name"
    eventually(lambda: "unrecognized_name" in pair.log, "logged")
    lines = [line for line in pair.log.splitlines() if "unrecognized_name" in line]
    assert len(lines) == 1, "logged, once a minute"
    assert lines[0].startswith("{")
    assert "Exception ignored" not in pair.log
    assert "Traceback" not in pair.log


def test_a_balancers_proxy_header_is_logged_on_both_ports(pair: RunningPair) -> None:
    """Once a minute; the control is that nothing says so before."""
    assert "PROXY protocol" not in pair.log
    header = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n"
    for port, content in ((pair.https_port, header), (pair.http_port, header + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(content)
            assert connection.recv(64)[:12] in (bytes.fromhex("1503030002020a"), b"HTTP/1.1 400")
    eventually(lambda: pair.log.count("the PROXY protocol") == 2, "logged by both instances")


@pytest.mark.parametrize(
    ("name", "alert"),
    [(b"", 0), (b"a\0b", 112), (b"a" * 256, 112), (b"xn--schlsser-n4a.example.org", 0), (b"xn--\x7f--", 0)],
)
def test_other_odd_names_are_refused_or_get_the_default_site(pair: RunningPair, name: bytes, alert: int) -> None:
    answer = answered(pair, named(name))
    assert (answer[0], answer[6] if alert else 0) == ((21, alert) if alert else (22, 0))
    assert "Exception ignored" not in pair.log


def test_over_the_limit_the_handshake_that_takes_longest_gives_way(pair: RunningPair) -> None:
    """A device is served, from behind the same address too, and an address with few loses none to one with many."""
    context = trusting(pair.folder)
    with ExitStack() as stack:
        other = stack.enter_context(closing(connected(pair, "127.0.0.7")))
        other.sendall(HELLO[:50])
        for _ in range(100):
            stack.enter_context(closing(connected(pair))).sendall(HELLO[:50])
        eventually(lambda: ended(pair, "handshakes") >= 60, "those over 40 have given way")
        for _ in range(3):
            assert ask(pair.https_port, context) < FAR_TOO_LONG
        other.sendall(HELLO[50:])
        assert other.recv(65536)[0] == 22, "it is still there"
    figure = 'engage_connections_open{listener="https",phase="handshake"}'
    eventually(lambda: pair.metrics()[figure] == 0, "all have gone")


def key_updates(connection: ssl.SSLObject, outgoing: ssl.MemoryBIO, octets: int) -> bytes:
    """So many octets of key updates, each of which asks for one in return (RFC 8446 section 4.6.3)."""
    library = ctypes.CDLL("libssl.so.3")
    library.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
    inner = ctypes.c_void_p.from_address(id(connection._sslobj) + 24).value  # type: ignore[attr-defined]  # PySSLSocket.ssl
    flood = b""
    while len(flood) < octets:
        assert library.SSL_key_update(inner, 1) == 1
        connection.do_handshake()
        flood += outgoing.read()
    return flood


def test_records_without_content_have_an_end(pair: RunningPair) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    with closing(connected(pair)) as connection:
        for _ in range(2):
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
            connection.sendall(outgoing.read())
            if (incoming.pending == 0 and not client.version()) or client.cipher() is None:
                incoming.write(connection.recv(65536))
        few = key_updates(client, outgoing, 5000)
        connection.sendall(few)
        client.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.sendall(outgoing.read())
        assert connection.recv(65536), "some are nobody's harm"
        sent = 0
        with suppress(ConnectionError, TimeoutError):
            while sent < 2_000_000:
                connection.settimeout(5)
                flood = key_updates(client, outgoing, 8000)
                connection.sendall(flood)
                sent += len(flood)
                time.sleep(0.02)
        assert sent < 200_000
    eventually(lambda: ended(pair, "empty records") == 1, "counted")
