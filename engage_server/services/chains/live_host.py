"""Reads a live host: the chain that it presents by TLS, and the certificate that it distributes by HTTP."""

from dataclasses import dataclass

from cryptography import x509

from engage_server.checks import Finding, Severity
from engage_server.errors import NotPossible
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.refusal import DeviceRefusal
from engage_server.lock.transport.download import download, get, install, read_notice
from engage_server.lock.transport.http import DeviceResponse
from engage_server.lock.transport.tls import PresentedChain, presented_chain
from engage_server.protocol.paths import NOTICE
from engage_server.records import Secret

# larger limits than a device's, so that a long answer is judged and not refused
_LOOKING = DeviceLimits(body_bytes=1 << 20, header_bytes=1 << 16)


@dataclass(frozen=True, slots=True)
class SeenHost:
    """The answers of a live host.

    Attributes:
        sent: The certificates that it sends, in their order.
        distributed: The certificate that it distributes; None if it was not asked, or a device would not accept it.
        findings: Findings about the answers themselves.
    """

    sent: tuple[x509.Certificate, ...]
    distributed: x509.Certificate | None
    findings: tuple[Finding, ...]


def look_at(host: str, port: int, http_port: int, site_key: Secret | None) -> SeenHost:
    """Connect by TLS. With a site key, also fetch the notice and the DER as a device does.

    Raises:
        NotPossible: There is no connection, no TLS, or no answer.
    """
    presented = presented_chain(host, port, _LOOKING)
    findings = [_message_size(presented)]
    distributed = None
    if site_key is not None:
        try:
            notice = read_notice(_notice_from(host, http_port), _LOOKING)
            distributed = install(download(notice, _LOOKING), notice, site_key, _LOOKING).certificate
        except DeviceRefusal as refusal:
            findings.append(_notice_refused(refusal))
    return SeenHost(presented.certificates, distributed, tuple(findings))


def _notice_from(host: str, http_port: int) -> DeviceResponse:
    """The address that was given is of TLS. It does not say which port the plain instance has."""
    try:
        return get(host, http_port, NOTICE, _LOOKING)
    except NotPossible as error:
        raise NotPossible(error.sentence, f"{error.next_step} Another HTTP port: --http-port PORT.") from None


def _message_size(presented: PresentedChain) -> Finding:
    size = presented.message_bytes
    return Finding(
        Severity.NOTE,
        "sent.message",
        sentence=f"the handshake's Certificate message ({presented.version}) has {size} bytes",
        certificate="",
        source="RFC 5246 section 7.4.2; RFC 8446 section 4.4.2",
        mend="Nothing to do. The root is not sent, but counts in a device's memory as well.",
    )


def _notice_refused(refusal: DeviceRefusal) -> Finding:
    return Finding(
        Severity.ERROR,
        "notice.refused",
        sentence=f"a device would not accept the certificate that this host distributes: {refusal.sentence}",
        certificate="",
        source="the protocol notes, section 1",
        mend=refusal.next_step or "Fix the plain HTTP instance.",
    )
