"""Rules on who issued the certificates, as far as their CAs are among the files."""

from collections.abc import Iterator
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from engage_server.checks.finding import Finding
from engage_server.links.telekom.exchange.case import Case, label
from engage_server.links.telekom.exchange.codes import finding
from engage_server.links.telekom.exchange.exchange_set import FoundCertificate
from engage_server.links.telekom.exchange.sheet import OWN, THEIRS
from engage_server.pki.chain import is_issued_by, is_self_issued, signature_can_be_read, signature_hash
from engage_server.pki.extensions import extension
from engage_server.pki.names import display_name
from engage_server.pki.paths.path import find_path

_WEAK = (hashes.MD5, hashes.SHA1)


def signatures_are_strong(case: Case) -> Iterator[Finding]:
    """No certificate is signed with a broken hash. A root's own signature proves nothing, and may be old."""
    seen = set()
    for each in case.current():
        for certificate in _path(case, each):
            if certificate in seen or is_issued_by(certificate, certificate):
                continue
            seen.add(certificate)
            algorithm = signature_hash(certificate)
            if isinstance(algorithm, _WEAK) or not signature_can_be_read(certificate):
                name = algorithm.name if algorithm else certificate.signature_algorithm_oid.dotted_string
                about = "it" if certificate == each.certificate else f"its CA {display_name(certificate.subject)}"
                yield finding("weak_signature", f"{about} is signed with {name}", label(each.sign, each.source))


def chains_hold(case: Case) -> Iterator[Finding]:
    """Each certificate is signed by the CA above it, as far as that one is here."""
    for each in case.current():
        about, path = label(each.sign, each.source), _path(case, each)
        if each.sign in OWN and is_self_issued(each.certificate):
            yield finding("self_signed", "no CA issued it: subject and issuer are the same", about)
            continue
        for below, issuer in pairwise(path):
            yield from _link(case, about, below, issuer)
        if not is_self_issued(path[-1]):
            yield finding("issuer_unknown", f"the CA {display_name(path[-1].issuer)} is not among the files", about)


def _link(case: Case, about: str, below: x509.Certificate, issuer: x509.Certificate) -> Iterator[Finding]:
    name = display_name(issuer.subject)
    constraints = extension(issuer, x509.BasicConstraints)
    if not is_issued_by(below, issuer):
        yield finding("issuer_broken", f"the CA {name} among the files did not sign it: it has another key", about)
    elif constraints is None or not constraints.ca:
        yield finding("issuer_broken", f"{name}, which signed it, is not a CA", about)
    if case.now > issuer.not_valid_after_utc:
        yield finding("issuer_expired", f"the CA {name} expired on {issuer.not_valid_after_utc:%Y-%m-%d}", about)


def roots_are_telekoms(case: Case) -> Iterator[Finding]:
    """Your certificates lead to a root that Telekom's lead to, where both are known."""
    theirs = {root for each in case.current(THEIRS) if (root := _root(case, each)) is not None}
    for each in case.current(OWN):
        root = _root(case, each)
        if theirs and root is not None and root not in theirs and root != each.certificate:
            named = ", ".join(sorted(display_name(one.subject) for one in theirs))
            sentence = f"it leads to {display_name(root.subject)}; Telekom's lead to {named}"
            yield finding("other_root", sentence, label(each.sign, each.source))


def _root(case: Case, each: FoundCertificate) -> x509.Certificate | None:
    """The root that it leads to; None if that is not among the files, or if it is no CA but the certificate itself."""
    top = _path(case, each)[-1]
    return top if is_issued_by(top, top) else None


def _path(case: Case, each: FoundCertificate) -> tuple[x509.Certificate, ...]:
    """From the certificate upwards, as far as its CAs are here."""
    certificate = each.certificate
    if is_issued_by(certificate, certificate):
        return (certificate,)
    found = find_path((certificate, *case.found.authorities), now=case.now).path
    return found if found[0] == certificate else (certificate,)
