"""Rules on certificates that are not part of the path, and on how a TLS server sends a chain."""

from collections.abc import Iterator

from cryptography import x509

from engage_server.checks.case import ChainCase, extension
from engage_server.checks.finding import Finding, Severity, about
from engage_server.pki.chain import is_issued_by, is_self_issued
from engage_server.pki.names import comparable
from engage_server.pki.paths.path import leads_to
from engage_server.pki.paths.soundness import faults_of


def nothing_unrelated(case: ChainCase) -> Iterator[Finding]:
    """Every certificate is part of the path. A CA may be part of one that is incomplete, so nothing is said then."""
    for certificate in case.unrelated:
        if case.root is None and _may_issue(certificate):
            continue
        yield Finding(
            Severity.WARNING,
            "bundle.unrelated",
            sentence="it is not part of the path from the server certificate to the root",
            certificate=about(certificate),
            source="RFC 8446 section 4.4.2: extraneous certificates should be avoided",
            mend="Remove it. A server that sends it wastes the device's memory.",
        )


def _may_issue(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return is_self_issued(certificate) if constraints is None else constraints.ca


def nothing_twice(case: ChainCase) -> Iterator[Finding]:
    """No certificate is sent twice."""
    if case.sent is None:
        return
    for certificate in dict.fromkeys(case.sent):
        if case.sent.count(certificate) > 1:
            yield Finding(
                Severity.WARNING,
                "sent.twice",
                sentence="the server sends it more than once",
                certificate=about(certificate),
                source="RFC 8446 section 4.4.2",
                mend="Keep one copy in partner_server.pem.",
            )


def root_is_not_sent(case: ChainCase) -> Iterator[Finding]:
    """No root is sent: it would prove nothing, and it may take up a device's memory twice."""
    for root in case.roots if case.sent is not None and len(case.path) > 1 else ():
        if root not in (case.sent or ()):
            continue
        yield Finding(
            Severity.WARNING,
            "sent.root",
            sentence="the server sends the root, which devices already have"
            if root == case.root
            else "the server sends a second root, which devices either have already or do not trust",
            certificate=about(root),
            source="RFC 5246 section 7.4.2: the root may be omitted",
            mend="Remove it from partner_server.pem.",
        )


def sent_in_order(case: ChainCase) -> Iterator[Finding]:
    """The server certificate comes first, each certificate is followed by its issuer, and none is missing."""
    if case.sent is None:
        return
    wanted = case.path[:-1] if case.root and len(case.path) > 1 else case.path
    sent = tuple(dict.fromkeys(case.sent))
    theirs = tuple(certificate for certificate in sent if certificate in wanted)
    if len(theirs) < len(wanted):
        missing = ", ".join(about(certificate) for certificate in wanted if certificate not in sent)
        yield Finding(
            Severity.ERROR,
            "sent.incomplete",
            sentence=f"the server does not send {missing}; devices cannot build a path to their anchor",
            certificate="",
            source="RFC 5246 section 7.4.2; the vendor's sample makes this mistake",
            mend="Put the server certificate, then its intermediates, into partner_server.pem.",
        )
    elif theirs != wanted:
        yield _wrong_order("the server sends the certificates in the wrong order")
    else:
        before = wanted[0]
        for each in sent[: sent.index(wanted[-1])]:
            if each in wanted:
                before = each
            elif not is_issued_by(before, each):
                yield _standing_between(each, before)
            elif case.root is not None and not leads_to(each, (*sent, *case.path), case.anchor or case.root):
                yield _wrong_order(f"two certificates are called {about(each)}; the first one sent leads to no anchor")


def _wrong_order(sentence: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(
        severity,
        "sent.order",
        sentence=sentence,
        certificate="",
        source="RFC 5246 section 7.4.2: each following certificate must certify the one before it",
        mend="Put the server certificate first in partner_server.pem, then its issuer, and so on.",
    )


def _standing_between(stranger: x509.Certificate, before: x509.Certificate) -> Finding:
    """Small TLS stacks use the first certificate with the issuer's name, and skip one with another name."""
    name = about(stranger)
    if comparable(stranger.subject) == comparable(before.issuer):
        return _wrong_order(f"two certificates are called {name}; the first one sent did not issue {about(before)}")
    return _wrong_order(
        f"the server sends {name} in between, which issued no certificate of the path", Severity.WARNING
    )


def sent_is_valid_now(case: ChainCase) -> Iterator[Finding]:
    """No extra certificate that is sent has expired: some TLS clients refuse the whole chain because of one."""
    for certificate in dict.fromkeys(case.sent_beside):
        begun = certificate.not_valid_before_utc <= case.at.now
        if certificate in case.path or (begun and case.at.now <= certificate.not_valid_after_utc):
            continue
        day = certificate.not_valid_after_utc if begun else certificate.not_valid_before_utc
        when = f"expired on {day:%Y-%m-%d}" if begun else f"is not valid before {day:%Y-%m-%d}"
        yield Finding(
            Severity.ERROR,
            "sent.expired",
            sentence=f"the server also sends a certificate that {when}"
            + ("; without it the path is valid" if _is_sound(case) else ""),
            certificate=about(certificate),
            source="GnuTLS and wolfSSL refuse the handshake; OpenSSL, mbed TLS and Go do not",
            mend="Remove the old certificate from partner_server.pem, and keep the renewed one.",
        )


def sent_is_renewed(case: ChainCase) -> Iterator[Finding]:
    """If a certificate was renewed, the new one is sent."""
    if case.sent is None:
        return
    for old in case.path[:-1]:
        if case.at.now <= old.not_valid_after_utc:
            continue
        for new in case.unrelated:
            same = comparable(new.subject) == comparable(old.subject) and new.public_key() == old.public_key()
            if same and new not in case.sent and new.not_valid_before_utc <= case.at.now <= new.not_valid_after_utc:
                yield Finding(
                    Severity.ERROR,
                    "sent.outdated",
                    sentence="it expired and was renewed, but the server still sends the old one",
                    certificate=about(old),
                    source="RFC 5280 section 6.1.3 (a) (2)",
                    mend="Replace the old certificate with the renewed one in partner_server.pem.",
                )


def _is_sound(case: ChainCase) -> bool:
    return case.root is not None and faults_of(case.path, case.at.now) == 0
