"""Refuses what small TLS stacks refuse but OpenSSL, which the virtual lock uses, accepts."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509

from engage_server.lock.refusal import DeviceRefusal
from engage_server.pki.chain import is_issued_by, is_link_to
from engage_server.pki.extensions import stated_path_length, unknown_critical
from engage_server.pki.names import comparable, display_name
from engage_server.pki.raw_fields import raw_fields


def assert_small_stacks_take(sent: Sequence[x509.Certificate], anchor: x509.Certificate, now: datetime | None) -> None:
    """Refuse what mbed TLS cannot read, an issuer sent after another CA with its name, and expired certificates.

    It also refuses a path that is too long if self-issued certificates count, as mbed TLS, GnuTLS and Go count them.

    Args:
        sent: The certificates that the TLS server sends, server certificate first. Each is known to be readable.
        anchor: The certificate that the device trusts. A link certificate for it is ignored even if it has expired.
        now: The time of the device's clock, timezone-aware. None if the device does not check dates.

    Raises:
        DeviceRefusal: A small TLS stack would refuse one of the certificates.
    """
    for certificate in sent:
        name = display_name(certificate.subject)
        is_late = now is not None and now > certificate.not_valid_after_utc
        if is_late and not is_link_to(certificate, anchor):
            raise DeviceRefusal(
                f"{name}: it expired on {certificate.not_valid_after_utc:%Y-%m-%d} but is still sent",
                "Remove it from the chain that is sent. wolfSSL and GnuTLS refuse the whole chain for it.",
            )
        for what in _unreadable(certificate):
            raise DeviceRefusal(f"{name}: {what}", "Issue it again. engage chain check says what is wrong with it.")
    for issuer in _exceeded(sent, anchor):
        raise DeviceRefusal(
            f"{display_name(issuer.subject)}: more intermediates are below it than its path length allows",
            "Leave an intermediate out. mbed TLS, GnuTLS and Go count self-issued ones.",
        )
    for place, certificate in enumerate(sent):
        if _stands_behind_a_namesake(certificate, sent[place + 1 :]):
            raise DeviceRefusal(
                f"{display_name(certificate.subject)}: a certificate with its issuer's name but another key is sent "
                "before its issuer",
                "Send the server certificate, then its issuer, and so on (RFC 5246 section 7.4.2).",
            )


def _unreadable(certificate: x509.Certificate) -> Iterator[str]:
    if certificate.version is not x509.Version.v3:
        yield "it is not X.509 version 3"
    if not list(certificate.issuer):
        yield "the name of its issuer is empty"
    if raw_fields(certificate).has_unique_identifier:
        yield "it has a unique identifier of X.509 version 2"
    for oid in unknown_critical(certificate):
        yield f"its critical extension {oid} is unknown"


def _exceeded(sent: Sequence[x509.Certificate], anchor: x509.Certificate) -> Iterator[x509.Certificate]:
    """The CAs of the path from the server certificate whose path length is smaller than the intermediates below."""
    current, rest, below = sent[0], [*sent[1:], anchor], 0
    while True:
        issuer = next((each for each in rest if each != current and is_issued_by(current, each)), None)
        if issuer is None:
            return
        limit = stated_path_length(issuer)
        if limit is not None and below > limit:
            yield issuer
        rest.remove(issuer)
        current, below = issuer, below + 1


def _stands_behind_a_namesake(certificate: x509.Certificate, following: Sequence[x509.Certificate]) -> bool:
    """Whether its issuer is sent after another certificate with the same name."""
    wanted = comparable(certificate.issuer)
    signed = [is_issued_by(certificate, each) for each in following if comparable(each.subject) == wanted]
    return any(signed) and not signed[0]
