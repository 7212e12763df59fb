"""Name constraints (RFC 5280 section 4.2.1.10): the names that certificates below a CA may and may not have.

They are applied as OpenSSL, GnuTLS and Go apply them. Those of the root count, too, critical or not. A common name that
looks like a host counts if the subject alternative name has no dNSName.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.pki.chain import is_self_issued
from engage_server.pki.extensions import extension
from engage_server.pki.names import comparable

_LOOKS_LIKE_A_HOST = re.compile(r"(?:[A-Za-z0-9_*-]+\.)+[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Violation:
    """A name that a CA's constraints forbid.

    Attributes:
        certificate: The certificate with the name.
        issuer: The CA with the constraints.
        name: The name.
        why: ``not permitted``, ``excluded``, or a phrase that says that it cannot be judged.
    """

    certificate: x509.Certificate
    issuer: x509.Certificate
    name: x509.GeneralName
    why: str

    @property
    def text(self) -> str:
        """The name as text."""
        value = self.name.value
        return value.rfc4514_string() if isinstance(value, x509.Name) else str(value)


def violations(path: Sequence[x509.Certificate]) -> Iterator[Violation]:
    """Yield every name in the path that a CA above it forbids.

    Args:
        path: From the server certificate upwards.
    """
    for place, issuer in enumerate(path):
        constraints = extension(issuer, x509.NameConstraints) if place else None
        if constraints is None:
            continue
        for below, certificate in enumerate(path[:place]):
            if below and is_self_issued(certificate):
                continue  # RFC 5280 section 6.1.3 (b), (c)
            for name in _names(certificate, is_server=below == 0):
                why = _why_not(name, constraints)
                if why:
                    yield Violation(certificate, issuer, name, why)


def _names(certificate: x509.Certificate, *, is_server: bool) -> Iterator[x509.GeneralName]:
    if list(certificate.subject):
        yield x509.DirectoryName(certificate.subject)
    named = list(extension(certificate, x509.SubjectAlternativeName) or ())
    yield from named
    if not any(isinstance(each, x509.RFC822Name) for each in named):
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
            yield x509.RFC822Name._init_without_validation(str(attribute.value))
    if is_server and not any(isinstance(each, x509.DNSName) for each in named):
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            if _LOOKS_LIKE_A_HOST.fullmatch(str(attribute.value)) and not _is_address(str(attribute.value)):
                yield x509.DNSName(str(attribute.value))


def _why_not(name: x509.GeneralName, constraints: x509.NameConstraints) -> str:
    excluded = [each for each in constraints.excluded_subtrees or () if type(each) is type(name)]
    permitted = [each for each in constraints.permitted_subtrees or () if type(each) is type(name)]
    if (excluded or permitted) and not isinstance(name, _JUDGED):
        return "of a constrained type that no TLS client can judge, and cannot be permitted"
    if any(_is_within(name, each) for each in excluded):
        return "excluded"
    return "not permitted" if permitted and not any(_is_within(name, each) for each in permitted) else ""


_JUDGED = (x509.DNSName, x509.IPAddress, x509.DirectoryName, x509.RFC822Name, x509.UniformResourceIdentifier)


def _is_within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    """Whether a name is within a subtree of the same type."""
    if isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName):
        return _is_host_within(name.value, subtree.value)
    if isinstance(name, x509.IPAddress) and isinstance(subtree, x509.IPAddress):
        return _is_address_within(name, subtree)
    if isinstance(name, x509.DirectoryName) and isinstance(subtree, x509.DirectoryName):
        wanted = comparable(subtree.value)
        return comparable(name.value)[: len(wanted)] == wanted
    if isinstance(name, x509.RFC822Name) and isinstance(subtree, x509.RFC822Name):
        return _is_mailbox_within(name.value, subtree.value)
    if isinstance(name, x509.UniformResourceIdentifier) and isinstance(subtree, x509.UniformResourceIdentifier):
        return _is_exact_host_within(_host_of(name.value), subtree.value)
    return False


def _is_host_within(host: str, subtree: str) -> bool:
    """Whether a host is the domain or below it; only below it if the constraint starts with a dot."""
    host, subtree = host.lower(), subtree.lower()
    if not subtree.lstrip("."):
        return True
    return host == subtree or host.endswith(subtree if subtree.startswith(".") else f".{subtree}")


def _is_exact_host_within(host: str, subtree: str) -> bool:
    """For e-mail addresses and URIs: the exact host; any host below it if the constraint starts with a dot."""
    host, subtree = host.lower(), subtree.lower()
    return host.endswith(subtree) if subtree.startswith(".") else host == subtree


def _is_address_within(name: x509.IPAddress, subtree: x509.IPAddress) -> bool:
    address, network = name.value, subtree.value
    if not isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return False
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network


def _is_mailbox_within(mailbox: str, subtree: str) -> bool:
    local, _, host = mailbox.rpartition("@")
    wanted, at, domain = subtree.rpartition("@")
    if at:
        return local == wanted and host.lower() == domain.lower()
    return _is_exact_host_within(host, subtree)


def _host_of(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
