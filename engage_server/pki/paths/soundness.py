"""Counts what is wrong with a path, to choose among several the one that a TLS client would use."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from engage_server.pki.chain import is_issued_by, is_self_issued, signature_hash
from engage_server.pki.extensions import extension
from engage_server.pki.paths.name_constraints import violations

_SAFE = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def faults_of(path: Sequence[x509.Certificate], now: datetime | None) -> int:
    """The number of reasons for which a client may refuse a path; 0 if none is known. The rules report each one.

    Args:
        path: From the server certificate upwards.
        now: Timezone-aware. None ignores dates.
    """
    return sum(_faults(path, now))


def faults_as_issuer(issuer: x509.Certificate, now: datetime | None) -> int:
    """The number of reasons why a certificate may not be an issuer of any other. It decides the search order."""
    return sum((*_faults_of_issuer(issuer, 0), *_faults_anywhere(issuer, now)))


def _faults(path: Sequence[x509.Certificate], now: datetime | None) -> Iterator[bool]:
    for certificate, issuer in pairwise(path):
        yield not is_issued_by(certificate, issuer)
        yield _names_another_key(certificate, issuer)
    for place, issuer in enumerate(path[1:], 1):
        below = sum(not is_self_issued(each) for each in path[1:place])
        yield from _faults_of_issuer(issuer, below)
    for certificate in path:
        yield from _faults_anywhere(certificate, now)
    for certificate in path[:-1]:
        yield not isinstance(signature_hash(certificate), _SAFE)
    yield any(violations(path))


def _faults_anywhere(certificate: x509.Certificate, now: datetime | None) -> Iterator[bool]:
    if now is not None:
        yield not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    usages = extension(certificate, x509.ExtendedKeyUsage)
    yield usages is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usages


def _faults_of_issuer(issuer: x509.Certificate, below: int) -> Iterator[bool]:
    constraints = extension(issuer, x509.BasicConstraints)
    yield constraints is None or not constraints.ca
    yield constraints is not None and constraints.path_length is not None and below > constraints.path_length
    usage = extension(issuer, x509.KeyUsage)
    yield usage is not None and not usage.key_cert_sign


def _names_another_key(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    claimed = extension(certificate, x509.AuthorityKeyIdentifier)
    found = extension(issuer, x509.SubjectKeyIdentifier)
    return bool(claimed and found and claimed.key_identifier and claimed.key_identifier != found.digest)
