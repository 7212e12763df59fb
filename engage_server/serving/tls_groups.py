"""Which groups a key exchange may use: a ClientHello chooses one, and the dearest costs a hundred times the usual.

Python's ``ssl`` can name one group or leave OpenSSL its whole list, which in TLS 1.3 holds the finite-field groups of
up to 8192 bits, whatever the cipher list says. OpenSSL takes a list from its configuration file, once, when a process
loads it. So the TLS instance starts with ``OPENSSL_CONF`` set to a file of ours; see decision 29.
"""

import os
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_VARIABLE = "OPENSSL_CONF"
_FILE = str(Path(__file__).with_name("openssl.cnf"))
_FINITE_FIELD = {0x0100, 0x0101, 0x0102, 0x0103, 0x0104}  # ffdhe2048 to ffdhe8192 (RFC 7919 section 2)
_SUPPORTED_GROUPS = 10  # the extension's number
_RECORD_HEADER_BYTES = 5


def limiting_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a new process needs in its environment, beside what is there, so that OpenSSL limits the groups in it.

    An operator's own ``OPENSSL_CONF`` stays: it may name what this machine cannot do without, such as a FIPS provider.
    """
    return {} if environment.get(_VARIABLE) else {_VARIABLE: _FILE}


def start_limited() -> None:
    """Start this program anew with limited groups, under the same process number, where it began without.

    Returns only where nothing was missing. Call it before anything is open.
    """
    missing = limiting_environment(os.environ)
    if missing:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing})  # noqa: S606  # ourselves


def are_limited() -> bool:
    """Whether new TLS contexts of this process leave out the finite-field groups, as a hello of one of them shows."""
    return not _FINITE_FIELD & set(_offered_groups(_client_hello()))


def _client_hello() -> bytes:
    """The handshake message that a client with OpenSSL's defaults sends first, without its record's header."""
    outgoing = ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()[_RECORD_HEADER_BYTES:]


def _offered_groups(hello: bytes) -> Iterator[int]:
    """The numbers of the groups in a ClientHello's supported_groups (RFC 8446 sections 4.1.2 and 4.2.7)."""
    at = 38  # type, length, version, random
    at += 1 + hello[at]  # session
    at += 2 + int.from_bytes(hello[at : at + 2])  # ciphers
    at += 1 + hello[at]  # compression
    at += 2  # length of the extensions
    while at < len(hello):
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _SUPPORTED_GROUPS:
            yield from (int.from_bytes(hello[each : each + 2]) for each in range(at + 6, at + 4 + length, 2))
        at += 4 + length
