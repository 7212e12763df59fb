"""The TLS part: connect to the host and trust only the anchor."""

import socket
from collections.abc import Iterator, Sequence
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
from engage_server.lock.transport.unreachable import what_to_do_about

HTTPS_PORT = 443

_LOOKING = Firmware()
_OK = frozenset({200})


class TlsRefusal(DeviceRefusal):
    """A device would not accept handshake, chain or name. It then requests the notice."""


@dataclass(frozen=True, slots=True)
class SecureConnection:
    """A device's TLS connection, from :func:`secure_connection`.

    Attributes:
        version: The TLS version, such as ``TLSv1.3``.
        cipher: OpenSSL's name of the cipher suite.
        chain_bytes: The size of the chain in bytes, anchor included.
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
        """Send one request and read its answer. More requests can follow.

        Raises:
            DeviceRefusal: A device would not accept the answer.
            OSError: The connection failed or timed out.
        """
        self._peer.send(request_bytes(target, self._authority, method, body))
        return read_response(self._peer.receive, self._limits, expected)


@dataclass(frozen=True, slots=True)
class PresentedChain:
    """The chain that a TLS host sends to any client, trusted or not.

    Attributes:
        certificates: The certificates as sent, in order.
        version: The TLS version, such as ``TLSv1.3``.
    """

    certificates: tuple[x509.Certificate, ...]
    version: str

    @property
    def message_bytes(self) -> int:
        """The size of the handshake's Certificate message, including its header of four octets.

        RFC 5246 section 7.4.2: a length of three octets before the list and before each certificate. RFC 8446 section
        4.4.2 adds a context of one octet, and two octets for the extensions of each certificate. None were requested.
        """
        sizes = [len(certificate.public_bytes(Encoding.DER)) for certificate in self.certificates]
        if self.version == "TLSv1.3":
            return 4 + 1 + 3 + sum(size + 3 + 2 for size in sizes)
        return 4 + 3 + sum(size + 3 for size in sizes)


def presented_chain(host: str, port: int, limits: DeviceLimits, *, server_name: str = "") -> PresentedChain:
    """Connect and read the chain, without judging it.

    Args:
        host: A name, which is also sent as server name, or an address.
        port: The port, usually 443.
        limits: The limits of the device; only ``seconds`` is used.
        server_name: Sent in place of ``host``. An address is never sent.

    Raises:
        NotPossible: There is no connection, no TLS, or no answer.
    """
    where = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as plain:
            peer = TlsPeer(plain, server_name or host, None, limits.seconds, _LOOKING)
            peer.handshake(where)
            sent = peer.connection.get_peer_cert_chain(as_cryptography=True) or []
            return PresentedChain(tuple(sent), peer.connection.get_protocol_version_name())
    except DeviceRefusal as refusal:
        raise NotPossible(refusal.sentence, "Check that a TLS server listens on this port.") from None
    except TimeoutError:
        raise NotPossible(
            f"{where}: no answer within {limits.seconds:g} s", "Check that the TLS instance is up."
        ) from None
    except OSError as error:
        raise NotPossible(
            f"{where}: {error.strerror or error}",
            what_to_do_about(error, "Check that the TLS instance is up, on this port."),
        ) from None


@contextmanager
def secure_connection(
    host: str, port: int, anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> Iterator[SecureConnection]:
    """Connect by TLS as a device with this anchor does.

    Raises:
        TlsRefusal: A device would not accept the chain or the name.
        DeviceRefusal: A device would not accept the answer to a request on the connection.
        NotPossible: There is no connection or no answer.
    """
    authority = f"[{host}]" if ":" in host else host
    where = f"https://{authority}:{port}"
    try:
        with closing(socket.create_connection((host, port), timeout=limits.seconds)) as plain:
            peer, chain_bytes = _accepted(plain, where, host, anchor, limits, firmware)
            version, cipher = peer.connection.get_protocol_version_name(), peer.connection.get_cipher_name() or ""
            named = authority if port == HTTPS_PORT else f"{authority}:{port}"
            yield SecureConnection(
                version=version, cipher=cipher, chain_bytes=chain_bytes, _peer=peer, _authority=named, _limits=limits
            )
    except TimeoutError:
        raise NotPossible(
            f"{where}: no answer within {limits.seconds:g} s", "Check that the TLS instance is up."
        ) from None
    except OSError as error:
        raise NotPossible(
            f"{where}: {error.strerror or error}",
            what_to_do_about(error, "Check that the TLS instance is up, on this port."),
        ) from None


def _accepted(
    plain: socket.socket, where: str, host: str, anchor: x509.Certificate, limits: DeviceLimits, firmware: Firmware
) -> tuple[TlsPeer, int]:
    """Do the handshake with all checks of a device. Returns the connection, and the size of the chain in bytes."""
    sizes: list[int] = []

    def judge(sent: Sequence[x509.Certificate]) -> None:
        sizes.append(assert_chain(sent, anchor, limits, firmware))
        clock = datetime.now(UTC) + firmware.clock_error
        assert_small_stacks_take(sent, anchor, clock if firmware.checks_dates else None)
        assert_name(sent[0] if sent else None, host, firmware)

    try:
        peer = TlsPeer(plain, host, anchor, limits.seconds, firmware, judge)
        peer.handshake(where)
    except DeviceRefusal as refusal:
        raise TlsRefusal(refusal.sentence, refusal.next_step) from None
    return peer, sizes[-1]
