"""A live host: the chain that it presents by TLS, and the certificate that it distributes by HTTP."""

from dataclasses import dataclass

from cryptography import x509

from engage_server.checks import Finding, Severity
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.download import download, get, install, read_notice
from engage_server.lock.transport.tls import PresentedChain, presented_chain
from engage_server.protocol.paths import NOTICE
from engage_server.records import Secret

# a live host is looked at with more room than a device has: it is judged, not refused
_LOOKING = DeviceLimits(body_bytes=1 << 20, header_bytes=1 << 16)


@dataclass(frozen=True, slots=True)
class SeenHost:
    """What was seen of a live host.

    Attributes:
        sent: The certificates that it sends, in their order.
        distributed: The certificate that it distributes; None when nobody asked, or a device would not take it.
        findings: What is remarkable about the way it came.
    """

    sent: tuple[x509.Certificate, ...]
    distributed: x509.Certificate | None
    findings: tuple[Finding, ...]


def look_at(host: str, port: int, http_port: int, site_key: Secret | None) -> SeenHost:
    """Connect by TLS; with a site key, also fetch the notice and the DER as a device does.

    Raises:
        NotPossible: No connection, no TLS, or silence.
    """
    presented = presented_chain(host, port, _LOOKING)
    findings = [_message_size(presented)]
    distributed = None
    if site_key is not None:
        try:
            notice = read_notice(get(host, http_port, NOTICE, _LOOKING), _LOOKING)
            distributed = install(download(notice, _LOOKING), notice, site_key, _LOOKING).certificate
        except DeviceRefusal as refusal:
            findings.append(_notice_refused(refusal))
    return SeenHost(presented.certificates, distributed, tuple(findings))


def _message_size(presented: PresentedChain) -> Finding:
    size = presented.message_bytes
    return Finding(
        Severity.NOTE,
        "sent.message",
        sentence=f"the handshake's Certificate message ({presented.version}) has {size} bytes",
        certificate="",
        source="RFC 5246 section 7.4.2; RFC 8446 section 4.4.2",
        mend="Nothing: the root, which is not sent, counts in a device's memory too.",
    )


def _notice_refused(refusal: DeviceRefusal) -> Finding:
    return Finding(
        Severity.ERROR,
        "notice.refused",
        sentence=f"a device would not take the certificate that this host distributes: {refusal.sentence}",
        certificate="",
        source="the protocol notes, section 1",
        mend=refusal.next_step or "Mend the plain HTTP instance.",
    )
