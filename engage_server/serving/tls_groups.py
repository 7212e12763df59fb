"""Limits the groups of the key exchange: a ClientHello chooses one, and the most expensive costs a hundred times more.

Python's ``ssl`` can name one group, or leave OpenSSL its whole list. In TLS 1.3 that list holds the finite-field groups
of up to 8192 bits, whatever the cipher list says. OpenSSL reads a list of groups from its configuration file, once,
when a process loads it. So the TLS instance starts with ``OPENSSL_CONF`` set to a file of ours. See decision 29.
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
    """Return the variables that a new process needs in addition, so that OpenSSL limits its groups.

    If ``OPENSSL_CONF`` is set already, it stays: it may name what this machine needs, such as a FIPS provider.
    """
    return {} if environment.get(_VARIABLE) else {_VARIABLE: _FILE}


def start_limited() -> None:
    """Start this program again with limited groups, under the same process number, if it runs without them.

    Returns only if nothing was missing. Call it before anything is open.
    """
    missing = limiting_environment(os.environ)
    if missing:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing})  # noqa: S606  # ourselves


def are_limited() -> bool:
    """Whether this process's new TLS contexts leave out the finite-field groups. It checks a ClientHello of one."""
    return not _FINITE_FIELD & set(_offered_groups(_client_hello()))


def _client_hello() -> bytes:
    """Return the first handshake message of a client with OpenSSL's defaults, without the record header."""
    outgoing = ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()[_RECORD_HEADER_BYTES:]


def _offered_groups(hello: bytes) -> Iterator[int]:
    """Return the numbers of the groups in a ClientHello's supported_groups (RFC 8446 sections 4.1.2 and 4.2.7)."""
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
