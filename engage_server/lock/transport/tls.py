"""The TLS half: connect to the host and trust nothing but the anchor."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import NotPossible
from engage_server.lock.acceptance.chain import assert_chain, assert_name
from engage_server.lock.acceptance.small_stack import assert_small_stacks_take
from engage_server.lock.firmware import Firmware
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.http import DeviceResponse, read_response, request_bytes
from engage_server.lock.transport.tls_peer import TlsPeer

HTTPS_PORT = 443

_LOOKING = Firmware()
_OK = frozenset({200})


class TlsRefusal(DeviceRefusal):
    """The handshake, the chain or the name is not what a device accepts: it then asks for the notice by itself."""


@dataclass(frozen=True, slots=True)
class SecureConnection:
    """A TLS connection that a device has made, from :func:`secure_connection`.

    Attributes:
        version: Such as ``TLSv1.3``.
        cipher: OpenSSL's name of the cipher suite.
        chain_bytes: Bytes of the chain, the anchor counted.
    """

    version: str
    cipher: str
    chain_bytes: int
    _peer: TlsPeer = field(repr=False)
    _authority: str
    _limits: DeviceLimits

    def request(
        self, target: str, *, method: str = "GET", body: bytes | None = None, expected: frozenset[int] = _OK
    ) -> DeviceResponse:
        """Send one request and read its answer; several can follow each other.

        Raises:
            DeviceRefusal: The answer is not what a device reads.
            OSError: The connection broke, or fell silent.
        """
        self._peer.send(request_bytes(target, self._authority, method, body))
        return read_response(self._peer.receive, self._limits, expected)


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
            peer = TlsPeer(plain, host, None, limits.seconds, _LOOKING)
            peer.handshake(where)
            sent = peer.connection.get_peer_cert_chain(as_cryptography=True) or []
            return PresentedChain(tuple(sent), peer.connection.get_protocol_version_name())
    except DeviceRefusal as refusal:
        raise NotPossible(refusal.sentence, "Does a TLS server listen on this port?") from None
    except TimeoutError:
        raise NotPossible(f"{where}: no answer within {limits.seconds:g} s", "Is the TLS instance up?") from None
    except OSError as error:
        raise NotPossible(f"{where}: {error.strerror or error}", "Is the TLS instance up, on this port?") from None


@contextmanager
def secure_connection(
    host: str, port: int, anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> Iterator[SecureConnection]:
    """Shake hands as a device with this anchor does.

    Raises:
        TlsRefusal: A device would not accept the chain or the name.
        DeviceRefusal: From the requests within.
        NotPossible: No connection, or silence.
    """
    authority = f"[{host}]" if ":" in host else host
    where = f"https://{authority}:{port}"
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as plain:
            peer = TlsPeer(plain, host, anchor, limits.seconds, firmware)
            chain_bytes = _accepted(peer, where, host, anchor, limits, firmware)
            version, cipher = peer.connection.get_protocol_version_name(), peer.connection.get_cipher_name() or ""
            named = authority if port == HTTPS_PORT else f"{authority}:{port}"
            yield SecureConnection(
                version=version, cipher=cipher, chain_bytes=chain_bytes, _peer=peer, _authority=named, _limits=limits
            )
    except TimeoutError:
        raise NotPossible(f"{where}: no answer within {limits.seconds:g} s", "Is the TLS instance up?") from None
    except OSError as error:
        raise NotPossible(f"{where}: {error.strerror or error}", "Is the TLS instance up, on this port?") from None


def _accepted(
    peer: TlsPeer, where: str, host: str, anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> int:
    """Do the handshake and all that a device checks with it; the chain's bytes."""
    try:
        peer.handshake(where)
        sent = peer.connection.get_peer_cert_chain(as_cryptography=True) or []
        chain_bytes = assert_chain(sent, anchor, limits, firmware)
        clock = datetime.now(UTC) + firmware.clock_error
        assert_small_stacks_take(sent, anchor, clock if firmware.checks_dates else None)
        assert_name(peer.connection, host, firmware)
    except DeviceRefusal as refusal:
        raise TlsRefusal(refusal.sentence, refusal.next_step) from None
    return chain_bytes
