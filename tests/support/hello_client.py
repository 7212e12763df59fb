"""A TLS client whose hello says exactly what it is told: version, groups, ciphers, signature algorithms.

The system's libssl, called directly: Python's ``ssl`` chooses one group at most and no signature algorithm, and none of
Python's libraries sends a key update. Verifies nothing.
"""

import ctypes
import ctypes.util
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_SET_MINIMUM, _SET_MAXIMUM, _SET_GROUPS, _SET_SIGNATURES = 123, 124, 92, 98  # ssl.h: SSL_CTRL_...
_KEY_UPDATE_NOT_REQUESTED, _KEY_UPDATE_REQUESTED = 0, 1
_KEY_UPDATES_IN_A_ROW = 50
_POINTERS = ("TLS_client_method", "SSL_CTX_new", "SSL_new", "SSL_get_version", "SSL_get_current_cipher")
_OLD_VERSIONS = ":@SECLEVEL=0"


@dataclass(frozen=True)
class Hello:
    """What a hello offers, in OpenSSL's names; "" leaves OpenSSL's own list.

    Attributes:
        version: One of :data:`VERSIONS`, the only one that is offered.
        groups: For the key exchange, such as ``P-521:X25519``. In TLS 1.3 the first has its key share sent.
        ciphers: Of TLS 1.2 and earlier, or the suites of TLS 1.3.
        signatures: Signature algorithms, such as ``rsa_pss_rsae_sha512``.
    """

    version: str = "TLSv1.3"
    groups: str = ""
    ciphers: str = ""
    signatures: str = ""


class NotOffered(Exception):
    """The client's own OpenSSL does not know what the hello is to offer."""


@cache
def libssl() -> ctypes.CDLL:
    """The system's libssl, with the types of what is called here.

    Raises:
        NotOffered: There is none.
    """
    name = ctypes.util.find_library("ssl")
    if name is None:
        raise NotOffered("there is no libssl on this machine")
    library = ctypes.CDLL(name)
    for function in _POINTERS:
        getattr(library, function).restype = ctypes.c_void_p
    library.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
    library.SSL_CTX_ctrl.restype = ctypes.c_long
    for function in ("SSL_CTX_set_cipher_list", "SSL_CTX_set_ciphersuites"):
        getattr(library, function).argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    for function in ("SSL_write", "SSL_read"):
        getattr(library, function).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    return library


class HelloClient:
    """Connects with one kind of hello, as often as wanted.

    Args:
        hello: What it offers.

    Raises:
        NotOffered: The client's OpenSSL cannot offer that.
    """

    def __init__(self, hello: Hello) -> None:
        library = libssl()
        self._context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_client_method())))
        version = VERSIONS[hello.version]
        self._control(_SET_MINIMUM, version, None)
        self._control(_SET_MAXIMUM, version, None)
        old = hello.version in ("TLSv1", "TLSv1.1")
        if old or (hello.ciphers and hello.version == "TLSv1.2"):
            ciphers = (hello.ciphers or "ALL") + (_OLD_VERSIONS if old else "")
            self._assert(library.SSL_CTX_set_cipher_list(self._context, ciphers.encode()), ciphers)
        elif hello.ciphers:
            self._assert(library.SSL_CTX_set_ciphersuites(self._context, hello.ciphers.encode()), hello.ciphers)
        for control, text in ((_SET_GROUPS, hello.groups), (_SET_SIGNATURES, hello.signatures)):
            if text:
                self._assert(self._control(control, 0, text.encode()), text)

    def _control(self, control: int, number: int, text: bytes | None) -> int:
        return int(libssl().SSL_CTX_ctrl(self._context, control, number, text))

    def _assert(self, done: int, wanted: str) -> None:
        if done != 1:
            libssl().ERR_clear_error()
            raise NotOffered(wanted)

    def close(self) -> None:
        """Give the context back."""
        libssl().SSL_CTX_free(self._context)

    @contextmanager
    def connected(self, port: int, source: str = "127.0.0.1") -> Iterator["Connected | None"]:
        """A connection to 127.0.0.1 after its handshake; None when the handshake failed."""
        library = libssl()
        with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as plain:
            plain.settimeout(None)  # libssl wants a blocking socket
            session = ctypes.c_void_p(library.SSL_new(self._context))
            try:
                library.SSL_set_fd(session, plain.fileno())
                succeeded = library.SSL_connect(session) == 1
                library.ERR_clear_error()
                yield Connected(session) if succeeded else None
            finally:
                library.SSL_free(session)

    def updating_keys(self, port: int, count: int, source: str, going_on: Callable[[], bool]) -> Iterator[int]:
        """Keep some connections open and send key updates on them in turns; how many were sent, now and then.

        Ends when it is told to, or when the server has closed all of them.
        """
        with ExitStack() as stack:
            opened = [stack.enter_context(self.connected(port, source)) for _ in range(count)]
            connections = [each for each in opened if each is not None]
            while connections and going_on():
                sent = 0
                for each in list(connections):
                    for _ in range(_KEY_UPDATES_IN_A_ROW):
                        if not each.update_key():
                            connections.remove(each)
                            break
                        sent += 1
                yield sent

    def handshake(self, port: int, source: str = "127.0.0.1") -> bool:
        """One handshake. Whether it came to its end."""
        with self.connected(port, source) as connection:
            return connection is not None


class Connected:
    """A connection after its handshake."""

    def __init__(self, session: ctypes.c_void_p) -> None:
        self._session = session

    @property
    def version(self) -> str:
        """Such as ``TLSv1.3``."""
        return str(ctypes.string_at(libssl().SSL_get_version(self._session)).decode())

    def update_key(self, *, ask_for_one: bool = False) -> bool:
        """Send a key update (TLS 1.3). False once the server has closed."""
        library: Any = libssl()
        kind = _KEY_UPDATE_REQUESTED if ask_for_one else _KEY_UPDATE_NOT_REQUESTED
        done = library.SSL_key_update(self._session, kind) == 1 and library.SSL_do_handshake(self._session) == 1
        library.ERR_clear_error()
        return bool(done)

    def renegotiate(self) -> bool:
        """Ask for another handshake (TLS 1.2). Whether there was one."""
        library = libssl()
        done = library.SSL_renegotiate(self._session) == 1 and library.SSL_do_handshake(self._session) == 1
        library.ERR_clear_error()
        return bool(done)

    def write(self, content: bytes) -> bool:
        """Send one record. False once the server has closed."""
        library = libssl()
        done = library.SSL_write(self._session, content, len(content)) == len(content)
        library.ERR_clear_error()
        return bool(done)

    def exchange(self, content: bytes) -> bytes:
        """Send, and the first piece of what comes back; b"" once the server has closed."""
        library = libssl()
        if not self.write(content):
            return b""
        buffer = ctypes.create_string_buffer(16384)
        length = library.SSL_read(self._session, buffer, len(buffer))
        library.ERR_clear_error()
        return buffer.raw[: max(length, 0)]


def recorded_hello(hello: Hello) -> bytes:
    """The octets of such a hello, to be sent again without any work.

    Raises:
        NotOffered: The client's OpenSSL cannot offer that.
    """
    client = HelloClient(hello)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=client.handshake, args=(listener.getsockname()[1],))
        thread.start()
        with closing(listener.accept()[0]) as accepted, suppress(OSError):
            recorded = accepted.recv(65536)
        thread.join()
    client.close()
    return recorded
