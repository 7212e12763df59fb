"""What a device needs from the TLS instance: the chain, the name, and the ways in which devices connect."""

import socket
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from engage_server.lock.acceptance.chain import assert_chain, assert_name, key_bits_of
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.conformance.requirement import Certainty, Requirement
from engage_server.lock.firmware import LATE, Firmware, TlsVersion
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.download import read_notice
from engage_server.lock.transport.http import request_bytes
from engage_server.lock.transport.tls import HTTPS_PORT, secure_connection
from engage_server.lock.transport.tls_peer import TlsPeer
from engage_server.pki.chain import is_issued_by
from engage_server.protocol import paths

_LIKELY = Firmware()
_OLD = Firmware(newest_tls=TlsVersion.TLS_1_2)
_NEW = Firmware(oldest_tls=TlsVersion.TLS_1_3)
_RSA_KEY_EXCHANGE = Firmware(newest_tls=TlsVersion.TLS_1_2, ciphers="AES128-SHA:AES256-SHA:AES128-SHA256")


def _handshake(host: ProbedHost, firmware: Firmware, *, trusting: bool) -> TlsPeer:
    """Do a handshake that trusts only the anchor, or that accepts any chain."""
    target = host.target
    anchor = host.anchor if trusting else None
    with closing(socket.create_connection((target.host, target.https_port), host.limits.seconds)) as plain:
        peer = TlsPeer(plain, target.host, anchor, host.limits.seconds, firmware)
        try:
            peer.handshake(f"https://{target.host}:{target.https_port}")
        except OSError as error:
            raise DeviceRefusal(f"the handshake failed: {error.strerror or 'no answer'}") from None
        return peer


def _described(peer: TlsPeer) -> str:
    return f"{peer.connection.get_protocol_version_name()} with {peer.connection.get_cipher_name()}"


def _speaks_1_2(host: ProbedHost) -> str:
    return _described(_handshake(host, _OLD, trusting=False))


def _speaks_1_3(host: ProbedHost) -> str:
    return _described(_handshake(host, _NEW, trusting=False))


def _speaks_rsa(host: ProbedHost) -> str:
    return _described(_handshake(host, _RSA_KEY_EXCHANGE, trusting=False))


def _without_server_name(host: ProbedHost) -> str:
    return _described(_handshake(host, replace(_LIKELY, sends_server_name=False), trusting=True))


def _leads_to_anchor(host: ProbedHost) -> str:
    return _described(_handshake(host, _LIKELY, trusting=True))


def _tolerates_clock(host: ProbedHost) -> str:
    _handshake(host, replace(_LIKELY, clock_error=LATE), trusting=True)
    return f"a clock that is {-LATE // timedelta(days=1)} days behind is accepted"


def _sends_all(host: ProbedHost) -> str:
    sent = host.presented.certificates
    top = sent[-1] if sent else None
    if top is None or not (top == host.anchor or is_issued_by(top, host.anchor)):
        raise DeviceRefusal(
            f"the last of {len(sent)} certificates sent was not issued by the distributed one",
            "Send the server certificate and every intermediate.",
        )
    return f"{len(sent)} certificates"


def _fits(host: ProbedHost) -> str:
    total = assert_chain(host.presented.certificates, host.anchor, host.limits, _LIKELY)
    return f"{total} of {host.limits.chain_der_bytes} bytes"


def _keys(host: ProbedHost) -> str:
    bits = [key_bits_of(certificate) for certificate in host.presented.certificates]
    if max(bits, default=0) > host.limits.rsa_key_bits:
        raise DeviceRefusal(f"a key has {max(bits)} bits; devices accept at most {host.limits.rsa_key_bits}")
    return ", ".join(f"RSA-{each}" for each in bits)


def _name(host: ProbedHost) -> str:
    connection = _handshake(host, _LIKELY, trusting=False).connection
    assert_name(connection.get_peer_certificate(as_cryptography=True), host.target.host, _LIKELY)
    return f"it is for {host.target.host}"


def _answers(host: ProbedHost) -> str:
    target = host.target
    with secure_connection(target.host, target.https_port, host.anchor, host.limits, _LIKELY) as connection:
        notice = read_notice(connection.request(paths.NOTICE), host.limits)
    if notice.hash != host.notice["hash"]:
        raise DeviceRefusal("the notice by TLS has another hash than the one by plain HTTP")
    return "the same notice as by plain HTTP"


def _keeps_alive(host: ProbedHost) -> str:
    target = host.target
    with secure_connection(target.host, target.https_port, host.anchor, host.limits, _LIKELY) as connection:
        first = connection.request(paths.NOTICE)
        if first.header("Connection").lower() == "close":
            return "the host announces that it closes the connection after one answer"
        if connection.request(paths.NOTICE).body != first.body:
            raise DeviceRefusal("the second answer on the connection differs from the first")
    return "the same answer, twice on one connection"


def _bears_vanishing(host: ProbedHost) -> str:
    target = host.target
    authority = target.host if target.https_port == HTTPS_PORT else f"{target.host}:{target.https_port}"
    half = request_bytes(paths.NOTICE, authority)[:20]
    for message in (b"", b"\x16\x03\x01", half):
        socket.create_connection((target.host, target.https_port), host.limits.seconds).close()
        with closing(socket.create_connection((target.host, target.https_port), host.limits.seconds)) as plain:
            plain.sendall(message)
    return _described(_handshake(host, _LIKELY, trusting=False))


_V, _F, _A = Certainty.VENDOR, Certainty.FIELD, Certainty.ASSUMED

TLS_REQUIREMENTS = (
    Requirement("tls.1_2", "The host supports TLS 1.2", _V, _speaks_1_2),
    Requirement("tls.1_3", "The host supports TLS 1.3", _F, _speaks_1_3),
    Requirement("tls.rsa_key_exchange", "The host supports RSA key exchange with AES-CBC", _A, _speaks_rsa),
    Requirement("tls.sends_all", "The host sends every intermediate", _V, _sends_all),
    Requirement("tls.leads_to_anchor", "The chain ends at the distributed certificate", _V, _leads_to_anchor),
    Requirement("tls.without_server_name", "TLS works without a server name, too", _A, _without_server_name),
    Requirement("tls.tolerates_clock", "TLS works with a clock that is days behind", _A, _tolerates_clock),
    Requirement("tls.fits", "Chain and root have at most 4096 bytes of DER", _V, _fits),
    Requirement("tls.keys", "All keys are RSA with at most 2048 bits", _V, _keys),
    Requirement("tls.name", "The SAN contains the host as devices call it", _F, _name),
    Requirement("tls.answers", "The notice by TLS has the same hash", _V, _answers),
    Requirement("tls.keeps_alive", "A connection is reusable or announces its end", _A, _keeps_alive),
    Requirement("tls.bears_vanishing", "Devices that vanish in a handshake do no harm", _V, _bears_vanishing),
)
