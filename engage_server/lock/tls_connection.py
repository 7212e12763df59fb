"""The TLS half: connect to the host and trust nothing but the anchor."""

import ipaddress
import select
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import service_identity
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from engage_server.errors import CertificateInvalid, NotPossible
from engage_server.lock.certificate_download import Anchor, key_bits_of
from engage_server.lock.http_exchange import DeviceResponse, read_response, request_bytes
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.verification import verification_advice, verification_sentence
from engage_server.pki.encodings import assert_readable

HTTPS_PORT = 443

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SecureExchange:
    """A TLS connection that a device would make, and the answer to one request on it.

    Attributes:
        version: Such as ``TLSv1.3``.
        cipher: OpenSSL's name of the cipher suite.
        chain_bytes: DER bytes of the chain, the anchor counted.
        response: The answer.
    """

    version: str
    cipher: str
    chain_bytes: int
    response: DeviceResponse


@dataclass(frozen=True, slots=True)
class PresentedChain:
    """What a TLS host sends to whoever connects, trusted or not.

    Attributes:
        certificates: As sent, in their order.
        version: Such as ``TLSv1.3``.
    """

    certificates: tuple[x509.Certificate, ...]
    version: str

    @property
    def message_bytes(self) -> int:
        """The size of the handshake's Certificate message, its four octets of header counted.

        RFC 5246 section 7.4.2: a length of three octets before the list and before each certificate; RFC 8446 section
        4.4.2 adds a context of one octet, and two octets for each certificate's extensions, of which none was asked.
        """
        sizes = [len(certificate.public_bytes(Encoding.DER)) for certificate in self.certificates]
        if self.version == "TLSv1.3":
            return 4 + 1 + 3 + sum(size + 3 + 2 for size in sizes)
        return 4 + 3 + sum(size + 3 for size in sizes)


def presented_chain(host: str, port: int, limits: DeviceLimits) -> PresentedChain:
    """Connect and look at what is sent, without judging it.

    Args:
        host: A name, which is also sent as server name, or an address.
        port: Usually 443.
        limits: Only its patience counts.

    Raises:
        NotPossible: No connection, no TLS, or silence.
    """
    where = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as plain:
            peer = _Peer(plain, host, None, limits)
            peer.handshake(where)
            sent = peer.connection.get_peer_cert_chain(as_cryptography=True) or []
            return PresentedChain(tuple(sent), peer.connection.get_protocol_version_name())
    except DeviceRefusal as refusal:
        raise NotPossible(refusal.sentence, "Does a TLS server listen on this port?") from None
    except TimeoutError:
        raise NotPossible(f"{where}: no answer within {limits.seconds:g} s", "Is the TLS instance up?") from None
    except OSError as error:
        raise NotPossible(f"{where}: {error.strerror or error}", "Is the TLS instance up, on this port?") from None


def exchange(host: str, port: int, target: str, anchor: Anchor, limits: DeviceLimits) -> SecureExchange:
    """Shake hands as a device with this anchor does, and send one request.

    Raises:
        DeviceRefusal: A device would not accept the chain, the name or the answer.
        NotPossible: No connection, or silence.
    """
    authority = f"[{host}]" if ":" in host else host
    where = f"https://{authority}:{port}"
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as plain:
            peer = _Peer(plain, host, anchor, limits)
            peer.handshake(where)
            chain_bytes = _assert_chain(peer.connection, anchor, limits)
            _assert_name(peer.connection, host)
            peer.send(request_bytes(target, authority if port == HTTPS_PORT else f"{authority}:{port}"))
            response = read_response(peer.receive, limits)
            connection = peer.connection
            version, cipher = connection.get_protocol_version_name(), connection.get_cipher_name() or ""
            return SecureExchange(version, cipher, chain_bytes, response)
    except TimeoutError:
        raise NotPossible(f"{where}: no answer within {limits.seconds:g} s", "Is the TLS instance up?") from None
    except OSError as error:
        raise NotPossible(f"{where}: {error.strerror or error}", "Is the TLS instance up, on this port?") from None


class _Peer:
    """pyOpenSSL on a socket that waits, with one deadline for all of it."""

    def __init__(self, plain: socket.socket, host: str, anchor: Anchor | None, limits: DeviceLimits) -> None:
        self._plain = plain
        self._deadline = time.monotonic() + limits.seconds
        self._failure: tuple[int, int] | None = None
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        if anchor is not None:
            self._trust(context, anchor, limits)
        plain.setblocking(False)
        self.connection = SSL.Connection(context, plain)
        if not _is_address(host):
            self.connection.set_tlsext_host_name(host.encode("ascii"))
        self.connection.set_connect_state()

    def _trust(self, context: SSL.Context, anchor: Anchor, limits: DeviceLimits) -> None:
        store = context.get_cert_store()
        if store is None:
            raise NotPossible("OpenSSL gave no certificate store", "Install pyOpenSSL again.")
        store.add_cert(crypto.X509.from_cryptography(anchor.certificate))
        if limits.accepts_partial_chain:
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        context.set_verify(SSL.VERIFY_PEER, self._on_verified)

    def handshake(self, where: str) -> None:
        try:
            self._waiting(self.connection.do_handshake)
        except SSL.SysCallError as error:
            raise DeviceRefusal(f"{where}: the host broke off the handshake ({error.args[-1]})") from None
        except SSL.Error as error:
            if self._failure is None:
                raise DeviceRefusal(f"{where}: {_reason(error)}") from None
            code, depth = self._failure
            raise DeviceRefusal(verification_sentence(code, depth), verification_advice(code)) from None

    def send(self, message: bytes) -> None:
        self._waiting(lambda: self.connection.send(message))

    def receive(self, size: int) -> bytes:
        try:
            return self._waiting(lambda: self.connection.recv(size))
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""
        except SSL.Error as error:
            raise DeviceRefusal(f"TLS ended with an alert: {_reason(error)}") from None

    def _on_verified(self, _connection: SSL.Connection, _cert: crypto.X509, code: int, depth: int, ok: int) -> bool:
        if not ok and self._failure is None:
            self._failure = code, depth
        return bool(ok)

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


def _assert_chain(connection: SSL.Connection, anchor: Anchor, limits: DeviceLimits) -> int:
    sent = connection.get_peer_cert_chain(as_cryptography=True) or []
    for certificate in sent:
        try:
            assert_readable(certificate, source="the chain")
        except CertificateInvalid as error:
            raise DeviceRefusal(error.sentence, error.next_step) from None
    whole = {certificate.public_bytes(Encoding.DER): certificate for certificate in [*sent, anchor.certificate]}
    total = sum(map(len, whole))
    if total > limits.chain_der_bytes:
        raise DeviceRefusal(
            f"the chain has {total} bytes of DER with its anchor; devices hold {limits.chain_der_bytes}",
            "Shorten names, SAN and extensions: engage chain build shows what each costs.",
        )
    for certificate in whole.values():
        bits = key_bits_of(certificate)
        if bits > limits.rsa_key_bits:
            name = certificate.subject.rfc4514_string()
            raise DeviceRefusal(f"{name}: the key has {bits} bits; devices take {limits.rsa_key_bits}")
    return total


def _assert_name(connection: SSL.Connection, host: str) -> None:
    try:
        if _is_address(host):
            verify_ip_address(connection, host)
        else:
            verify_hostname(connection, host)
    except (service_identity.VerificationError, service_identity.CertificateError):
        certificate = connection.get_peer_certificate(as_cryptography=True)
        raise DeviceRefusal(
            f"the server certificate is not for {host}, but for {_names(certificate)}",
            f"Build the chain with --host {host}: an address counts as an address, a name as a name.",
        ) from None


def _names(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "nothing: it sent no certificate"
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(str(name.value) for name in san) or "nothing"
    except (ValueError, x509.ExtensionNotFound):
        return "nothing: it has no subject alternative name"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: SSL.Error) -> str:
    reasons = [part[-1] for part in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(reason for reason in reasons if reason) or "the handshake failed"
