"""What is let through to OpenSSL of a connection's first octets, and what never reaches it."""

import ssl
from contextlib import suppress

import pytest

from engage_server.serving.worker.connections.client_hello import (
    MAX_HELLO_BYTES,
    SENTENCES,
    HelloReader,
    HelloRefused,
    server_name,
)
from tests.support.hello_bytes import named, record


def hello(name: str | None = "locks.example.org", groups: str | None = None) -> bytes:
    """A right client's, one record."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if groups:
        context.set_ecdh_curve(groups)
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def in_records(content: bytes, size: int) -> bytes:
    return b"".join(record(content[at : at + size]) for at in range(0, len(content), size))


def fed(pieces: list[bytes]) -> tuple[bytes, bytes, bool]:
    """What is let through of some pieces, what waits behind it, and whether the hello is whole."""
    reader, ready = HelloReader(), b""
    for piece in pieces:
        assert not reader.is_done
        ready += reader.feed(piece)
    return ready, reader.rest, reader.is_done


def octets(content: bytes) -> list[bytes]:
    return [content[at : at + 1] for at in range(len(content))]


@pytest.mark.parametrize("name", ["locks.example.org", None])
def test_a_right_hello_is_let_through_as_it_is_when_it_is_whole(name: str | None) -> None:
    right = hello(name)
    assert fed([right]) == (right, b"", True)
    assert fed(octets(right)) == (right, b"", True)
    assert fed(octets(right)[:-1]) == (b"", b"", False), "OpenSSL hears nothing of half a hello"
    assert server_name(right[5:]) == (name or "").encode()


@pytest.mark.parametrize("size", [0, 3, 100])
def test_the_reader_knows_the_server_name_of_a_whole_hello(size: int) -> None:
    right = hello()
    pieces = [right] if not size else octets(in_records(right[5:], size))
    reader = HelloReader()
    for piece in pieces[:-1]:
        reader.feed(piece)
        assert reader.server_name == b""
    reader.feed(pieces[-1])
    assert reader.server_name == b"locks.example.org"


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_in_several_records_too(size: int) -> None:
    records = in_records(hello()[5:], size)
    assert fed([records]) == (records, b"", True)
    assert fed(octets(records)) == (records, b"", True)


@pytest.mark.parametrize("pieces", [1, 2])
def test_what_follows_waits_until_the_hello_is_answered(pieces: int) -> None:
    """It may be another hello that announces too much."""
    right, behind = hello(), bytes.fromhex("160301000501")
    ready, rest, is_done = fed([right + behind] if pieces == 1 else [right[:50], right[50:] + behind])
    assert (ready, rest, is_done) == (right, behind, True)


@pytest.mark.parametrize(
    "content",
    [b"GET / HTTP/1.1\r\n", b"\x80\x2e\x01\x03\x01", b"\x00", b"\xff" * 20],
)
def test_what_is_no_tls_record_is_let_through(content: bytes) -> None:
    """OpenSSL says what it is."""
    assert fed([content]) == (content, b"", True)


def test_an_alert_instead_of_a_hello_is_let_through() -> None:
    alert = record(b"\x02\x28", kind=21)
    assert fed([alert]) == (alert, b"", False)
    right = hello()
    assert fed([alert[:4], alert[4:], right[:40], right[40:]]) == (alert + right, b"", True)
    assert fed([alert + right[:40]]) == (alert, b"", False)


@pytest.mark.parametrize(
    ("content", "reason", "alert"),
    [
        ("16 0301 0005 01 01FFB8 03", "hello size", 47),  # the ten octets that cost 160 KiB
        ("16 0301 0004 01 003FFD", "hello size", 47),
        ("16 0301 0001 01 16 0301 0003 01FFB8", "hello size", 47),  # the same in two records
        ("16 0301 4001", "hello size", 22),
        ("15 0301 0002 0164 16 0301 0005 01 01FFB8 03", "hello size", 47),  # behind a warning
        ("14 0303 0001 01 16 0301 0005 01 01FFB8 03", "hello size", 47),
        ("16 0301 0000", "hello record", 10),
        ("16 0301 0004 02 000001", "hello record", 10),
        ("17 0303 0001 00", "hello record", 10),
        ("18 0303 0001 00", "hello record", 10),
        ("15 0303 0003 000000", "hello record", 10),
        ("16 0301 0006 01 000001 00 0E", "hello record", 10),  # a second message in the record
    ],
)
def test_what_is_refused_before_openssl_sees_it(content: str, reason: str, alert: int) -> None:
    for pieces in ([bytes.fromhex(content)], octets(bytes.fromhex(content))):
        with pytest.raises(HelloRefused) as caught:
            fed(pieces)
        assert (caught.value.reason, caught.value.alert) == (reason, alert)
        assert caught.value.record == bytes.fromhex(f"1503030002 02{alert:02x}")


@pytest.mark.parametrize(
    "header", [b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)]
)
def test_a_balancers_proxy_header_is_named(header: bytes) -> None:
    """Where it is on, every door stays dark: the log must say why."""
    with pytest.raises(HelloRefused) as refused:
        HelloReader().feed(header + hello())
    assert (refused.value.reason, refused.value.is_hello) == ("hello proxy", False)
    assert "PROXY protocol" in SENTENCES[refused.value.reason]


def test_a_hello_that_grows_in_tiny_records_ends_at_the_limit() -> None:
    message = b"\x01" + (MAX_HELLO_BYTES - 4).to_bytes(3, "big") + bytes(MAX_HELLO_BYTES - 4)
    with pytest.raises(HelloRefused, match="hello size"):
        fed([in_records(message, 1)])
    assert fed([record(message)])[2], "the same in one record is as large as may be"


@pytest.mark.parametrize(
    ("name", "is_refused"),
    [
        ("schlösser.example.org".encode(), True),
        ("schlösser.example.org".encode("latin-1"), True),
        (b"\xff", True),
        (b"xn--schlsser-n4a.example.org", False),
        (b"xn--\x7f", False),
        (b"a\0b", False),  # these are OpenSSL's
        (b"a" * 300, False),
        (b"", False),
    ],
)
def test_server_names_that_are_not_ascii_are_refused(name: bytes, is_refused: bool) -> None:
    content = named(name)
    assert server_name(content[5:]) == name
    for pieces in ([content], octets(content)):
        if is_refused:
            with pytest.raises(HelloRefused) as caught:
                fed(pieces)
            assert (caught.value.reason, caught.value.alert) == ("hello name", 112)
        else:
            assert fed(pieces) == (content, b"", True)


def test_damaged_hellos_have_no_name_and_no_end_that_hurts() -> None:
    right = hello()[5:]
    for end in range(len(right)):
        assert server_name(right[:end]) in (b"", b"locks.example.org"[: len(server_name(right[:end]))])
    for at in range(4, len(right)):
        damaged = bytearray(right)
        damaged[at] = 0xFF
        server_name(bytes(damaged))
