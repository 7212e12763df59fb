"""The PROXY protocol's header, byte by byte."""

import random
import struct
from contextlib import suppress
from ipaddress import ip_address

import pytest

from engage_server.protocol.proxy_protocol import (
    FIRST_BYTES,
    MOST_BYTES,
    SIGNATURE,
    PassedOn,
    ProxyHeaderRefused,
    assert_begun,
    length_of_rest,
    passed_on,
)


def header(client: str, called: str, command: int = 0x21, extension: bytes = b"", family: int | None = None) -> bytes:
    """A header as HAProxy's document describes it, for a connection from port 50,000 to port 443."""
    addresses = ip_address(client).packed + ip_address(called).packed + struct.pack("!HH", 50000, 443)
    kind = family if family is not None else 0x11 if ":" not in client else 0x21
    rest = addresses + extension
    return SIGNATURE + bytes((command, kind)) + struct.pack("!H", len(rest)) + rest


def read(whole: bytes) -> PassedOn | None:
    """What a whole header says."""
    first, rest = whole[:FIRST_BYTES], whole[FIRST_BYTES:]
    assert_begun(first)
    assert length_of_rest(first) == len(rest)
    return passed_on(first, rest)


@pytest.mark.parametrize(
    ("client", "called", "spelled"),
    [
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::1", "2001:db8::7"),
        ("::ffff:192.0.2.7", "::ffff:198.51.100.1", "192.0.2.7"),
    ],
)
@pytest.mark.parametrize("extension", [b"", b"\x04\x00\x03abc", b"\0" * 400])
def test_the_client_is_the_one_in_the_header(client: str, called: str, spelled: str, extension: bytes) -> None:
    found = read(header(client, called, extension=extension))
    assert found is not None
    assert found.client == spelled
    assert ip_address(found.called) in (ip_address(called), ip_address("198.51.100.1"))


@pytest.mark.parametrize("family", [0x00, 0x11, 0x12, 0x31, 0xFF])
def test_a_balancer_may_speak_for_itself(family: int) -> None:
    assert read(header("192.0.2.7", "198.51.100.1", command=0x20, family=family)) is None


def test_so_it_does_where_it_knows_no_addresses() -> None:
    assert read(SIGNATURE + b"\x21\x00\x00\x00") is None


@pytest.mark.parametrize(
    ("whole", "why"),
    [
        (header("192.0.2.7", "198.51.100.1", command=0x11), "version or command"),
        (header("192.0.2.7", "198.51.100.1", command=0x22), "version or command"),
        (header("192.0.2.7", "198.51.100.1", family=0x12), "not about a TCP connection"),
        (header("192.0.2.7", "198.51.100.1", family=0x31), "not about a TCP connection"),
        (header("192.0.2.7", "198.51.100.1", family=0x21), "too short"),
        (SIGNATURE + b"\x21\x11\x00\x0b" + b"\0" * 11, "too short"),
        (SIGNATURE + b"\x21\x11\x02\x09" + b"\0" * 521, "longer than 536"),
        (b"PROXY TCP4 192.0.2.7 ", "version 1"),
        (b"GET / HTTP/1.1\r\n", "no header"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "no header"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(whole: bytes, why: str) -> None:
    with pytest.raises(ProxyHeaderRefused, match=why):
        read(whole)


def test_the_longest_header_is_read() -> None:
    whole = header("192.0.2.7", "198.51.100.1", extension=b"\0" * (MOST_BYTES - FIRST_BYTES - 12))
    assert len(whole) == MOST_BYTES
    assert read(whole) is not None


def test_a_beginning_is_refused_at_its_first_wrong_byte() -> None:
    for count in range(len(SIGNATURE) + 1):
        assert_begun(SIGNATURE[:count])
    for count in range(len(SIGNATURE)):
        wrong = SIGNATURE[:count] + bytes((SIGNATURE[count] ^ 1,))
        with pytest.raises(ProxyHeaderRefused):
            assert_begun(wrong)


@pytest.mark.parametrize("seed", range(4))
def test_no_bytes_break_it(seed: int) -> None:
    """Headers with a few bytes changed: read or refused, never another error. The right one, unchanged, is read."""
    random_bytes = random.Random(seed)  # noqa: S311  # nothing is kept secret with it
    right = header("192.0.2.7", "198.51.100.1", extension=b"\x04\x00\x03abc")
    assert read(right) == PassedOn("192.0.2.7", "198.51.100.1")
    for _ in range(2500):
        changed = bytearray(right)
        for _ in range(random_bytes.randint(1, 4)):
            changed[random_bytes.randrange(len(changed))] = random_bytes.randrange(256)
        first, rest = bytes(changed[:FIRST_BYTES]), bytes(changed[FIRST_BYTES:])
        with suppress(ProxyHeaderRefused):
            assert_begun(first)
            length_of_rest(first)
            passed_on(first, rest[: random_bytes.randint(0, len(rest))])
