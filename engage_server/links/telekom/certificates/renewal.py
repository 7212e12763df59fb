"""What a new request changes against the certificate that it renews."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from engage_server.errors import EngageError
from engage_server.links.telekom.certificates.profiles import NETSCAPE_COMMENT, Profile, extended_usage_name, usages_of
from engage_server.links.telekom.certificates.requests import attribute_name
from engage_server.pki.extensions import extension, extensions_of
from engage_server.pki.keys import public_key_der
from engage_server.services.chains.held_files import files_of, look_into

_NONE = "(none)"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between a certificate and a request.

    Attributes:
        what: Such as ``O`` or ``key``.
        before: In the certificate.
        after: In the request.
    """

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """A certificate that a request renews.

    Attributes:
        file: Where the certificate was found.
        until: The certificate's last second.
        changes: What the request changes. The key is always one of them.
    """

    file: Path
    until: datetime
    changes: tuple[Change, ...]


def renewal_of(request: x509.CertificateSigningRequest, profile: Profile, folders: Iterable[Path]) -> Renewal | None:
    """Find the certificate that a request renews: the latest of its kind in some folders.

    Args:
        request: The new request.
        profile: Its kind.
        folders: Where to search. One that cannot be read is skipped.
    """
    found = [each for folder in folders for each in _certificates(folder) if _is_of_kind(*each, profile)]
    if not found:
        return None
    file, certificate = max(found, key=lambda each: each[1].not_valid_before_utc)
    return Renewal(file, certificate.not_valid_after_utc, tuple(_changes(certificate, request)))


def _certificates(folder: Path) -> Iterator[tuple[Path, x509.Certificate]]:
    try:
        files = files_of(folder)
    except EngageError:
        return
    for file in files:
        yield from ((file, each) for each in look_into(file, None).bundle.certificates)


def _is_of_kind(file: Path, certificate: x509.Certificate, profile: Profile) -> bool:
    """Whether it is one of ours of this kind. A public CA leaves out the OU, so the file's name counts, too."""
    usages = extension(certificate, x509.ExtendedKeyUsage)
    constraints = extension(certificate, x509.BasicConstraints)
    if usages is None or profile.extended_usage not in usages or (constraints is not None and constraints.ca):
        return False
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return file.name.startswith(f"{profile.sign}_") or any(unit.value == profile.unit for unit in units)


def _changes(certificate: x509.Certificate, request: x509.CertificateSigningRequest) -> Iterator[Change]:
    before = _facts(certificate.subject, extensions_of(certificate).readable)
    after = _facts(request.subject, request.extensions)
    for what in dict.fromkeys((*before, *after)):
        if before.get(what, _NONE) != after.get(what, _NONE):
            yield Change(what, before.get(what, _NONE), after.get(what, _NONE))
    if public_key_der(certificate.public_key()) != public_key_der(request.public_key()):
        yield Change("key", _key(certificate.public_key()), f"{_key(request.public_key())}, new")


def _facts(subject: x509.Name, extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> dict[str, str]:
    """What Annex A sets, as text: attributes of the subject, then extensions."""
    facts: dict[str, str] = {}
    for attribute in subject:
        name = attribute_name(attribute)
        facts[name] = f"{facts[name]}, {attribute.value!s}" if name in facts else str(attribute.value)
    for each in extensions:
        match each.value:
            case x509.KeyUsage():
                facts["key usage"] = ", ".join(sorted(usages_of(each.value)))
            case x509.ExtendedKeyUsage():
                facts["extended key usage"] = ", ".join(map(extended_usage_name, each.value))
            case x509.SubjectAlternativeName():
                facts["alternative names"] = ", ".join(str(name.value) for name in each.value)
            case x509.UnrecognizedExtension() if each.oid == NETSCAPE_COMMENT:
                facts["comment"] = each.value.value[2:].decode("ascii", "replace")
    return facts


def _key(key: PublicKeyTypes) -> str:
    return f"RSA {key.key_size} bits" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__
