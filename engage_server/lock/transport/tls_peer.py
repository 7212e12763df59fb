"""One TLS connection with pyOpenSSL, which trusts one certificate or accepts any."""

import select
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from OpenSSL import SSL, crypto

from engage_server.errors import NotPossible
from engage_server.lock.acceptance.chain import is_address
from engage_server.lock.acceptance.openssl_errors import DATE_ERRORS, verification_advice, verification_sentence
from engage_server.lock.firmware import Firmware, TlsVersion
from engage_server.lock.refusal import DeviceRefusal
from engage_server.protocol.virtual_lock_mark import ALPN_PROTOCOLS

_T = TypeVar("_T")


class TlsPeer:
    """A pyOpenSSL connection on a non-blocking socket, with one deadline for everything.

    Args:
        plain: The connected socket.
        host: The server name, which is sent unless it is an address.
        anchor: The only certificate to trust. With None, every chain is accepted.
        seconds: For the handshake and all requests together.
        firmware: How the device behaves.
        judge: Called within the handshake, with the chain as it was sent. A DeviceRefusal from it ends the handshake
            with an alert, as a device's TLS stack does. After the handshake the host would take the device for one
            that accepted everything.
    """

    def __init__(
        self,
        plain: socket.socket,
        host: str,
        anchor: x509.Certificate | None,
        seconds: float,
        firmware: Firmware,
        judge: Callable[[Sequence[x509.Certificate]], None] = lambda _sent: None,
    ) -> None:
        self._plain = plain
        self._judge = judge
        self._refusal: DeviceRefusal | None = None
        self._deadline = time.monotonic() + seconds
        self._failure: tuple[int, int] | None = None
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(firmware.oldest_tls.value)
        context.set_max_proto_version(firmware.newest_tls.value)
        if firmware.ciphers or firmware.oldest_tls.value < TlsVersion.TLS_1_2.value:
            # versions below 1.2 need SHA-1, which OpenSSL allows only at level 0
            context.set_cipher_list(f"{firmware.ciphers or 'DEFAULT'}:@SECLEVEL=0".encode("ascii"))
        context.set_alpn_protos(list(ALPN_PROTOCOLS))
        if anchor is not None:
            self._trust(context, anchor, firmware)
        plain.setblocking(False)
        self.connection = SSL.Connection(context, plain)
        if firmware.sends_server_name and not is_address(host):
            self.connection.set_tlsext_host_name(host.encode("ascii"))
        self.connection.set_connect_state()

    def _trust(self, context: SSL.Context, anchor: x509.Certificate, firmware: Firmware) -> None:
        store = context.get_cert_store()
        if store is None:
            raise NotPossible("OpenSSL has no certificate store", "Reinstall pyOpenSSL.")
        store.add_cert(crypto.X509.from_cryptography(anchor))
        if firmware.accepts_partial_chain:
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        if firmware.clock_error:
            store.set_time(datetime.now(UTC) + firmware.clock_error)
        self._checks_dates = firmware.checks_dates
        context.set_verify(SSL.VERIFY_PEER, self._on_verified)

    def handshake(self, where: str) -> None:
        """Do the TLS handshake.

        Raises:
            DeviceRefusal: It failed, or the chain does not end at the anchor.
            OSError: The connection failed or timed out.
        """
        try:
            self._waiting(self.connection.do_handshake)
        except SSL.SysCallError as error:
            raise DeviceRefusal(f"{where}: the host ended the handshake ({error.args[-1]})") from None
        except SSL.Error as error:
            if self._refusal is not None:
                raise self._refusal from None
            if self._failure is None:
                raise DeviceRefusal(f"{where}: {_reason(error)}") from None
            code, depth = self._failure
            raise DeviceRefusal(verification_sentence(code, depth), verification_advice(code)) from None

    def send(self, message: bytes) -> None:
        """Send a whole message."""
        self._waiting(lambda: self.connection.send(message))

    def receive(self, size: int) -> bytes:
        """Receive at most ``size`` bytes; none at the end of the connection."""
        try:
            return self._waiting(lambda: self.connection.recv(size))
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""
        except SSL.Error as error:
            raise DeviceRefusal(f"TLS ended with an alert: {_reason(error)}") from None

    def _on_verified(self, connection: SSL.Connection, _cert: crypto.X509, code: int, depth: int, ok: int) -> bool:
        if not ok and not self._checks_dates and code in DATE_ERRORS:
            return True
        if not ok and self._failure is None:
            self._failure = code, depth
        if ok and depth == 0:  # the server certificate comes last, when all above it is verified
            return self._is_accepted(connection)
        return bool(ok)

    def _is_accepted(self, connection: SSL.Connection) -> bool:
        try:
            self._judge(connection.get_peer_cert_chain(as_cryptography=True) or [])
        except DeviceRefusal as refusal:
            self._refusal = refusal
        return self._refusal is None

    def _waiting(self, step: Callable[[], _T]) -> _T:
        while True:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                return step()
            except SSL.WantReadError:
                select.select([self._plain], [], [], left)
            except SSL.WantWriteError:
                select.select([], [self._plain], [], left)


def _reason(error: SSL.Error) -> str:
    reasons = [part[-1] for part in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(reason for reason in reasons if reason) or "the handshake failed"
