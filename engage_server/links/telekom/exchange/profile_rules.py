"""Rules on your certificates and requests: the profile of Annex A, and the subject of organisation.toml."""

import unicodedata
from collections.abc import Iterator
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID

from engage_server.checks.finding import Finding
from engage_server.links.telekom.certificates.profiles import NETSCAPE_COMMENT, extended_usage_name, usages_of
from engage_server.links.telekom.certificates.requests import attribute_name
from engage_server.links.telekom.exchange.case import Asked, Case, label
from engage_server.links.telekom.exchange.codes import finding
from engage_server.links.telekom.exchange.sheet import OWN

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def version_is_3(case: Case) -> Iterator[Finding]:
    """Your certificates have version 3."""
    for each in case.current(OWN):
        if each.certificate.version is not x509.Version.v3:
            yield finding("not_version_3", "it is an X.509 certificate of version 1", label(each.sign, each.source))


def is_no_authority(case: Case) -> Iterator[Finding]:
    """Basic constraints say CA:FALSE."""
    for each in case.asked():
        constraints = _extension(each, x509.BasicConstraints)
        if constraints is None:
            yield finding("no_basic_constraints", "it has no basic constraints", each.label)
        elif constraints.ca:
            yield finding("is_ca", "its basic constraints say that it is a CA", each.label)


def usages_fit(case: Case) -> Iterator[Finding]:
    """Key usage and extended key usage are those of the profile."""
    for each in case.asked():
        usage, wanted = _extension(each, x509.KeyUsage), each.profile.key_usage
        allowed = usages_of(usage) if usage is not None else frozenset[str]()
        yield from _compared(each, "key_usage", "key usage", wanted, allowed)
        extended = _extension(each, x509.ExtendedKeyUsage)
        names = frozenset(map(extended_usage_name, extended if extended is not None else ()))
        only = frozenset({extended_usage_name(each.profile.extended_usage)})
        yield from _compared(each, "extended_usage", "extended key usage", only, names)


def _compared(each: Asked, code: str, what: str, wanted: frozenset[str], allowed: frozenset[str]) -> Iterator[Finding]:
    if wanted - allowed:
        yield finding(f"{code}_missing", f"its {what} lacks {_listed(wanted - allowed)}", each.label)
    if allowed - wanted:
        yield finding(f"{code}_more", f"its {what} also has {_listed(allowed - wanted)}", each.label)


def _listed(names: frozenset[str]) -> str:
    """Names as OpenSSL spells them: ``key_encipherment`` is keyEncipherment."""
    return ", ".join(sorted(name[0] + name.title().replace("_", "")[1:] if "_" in name else name for name in names))


def has_the_smaller_extensions(case: Case) -> Iterator[Finding]:
    """There is the comment of the profile, and a subject key identifier. A CA may leave them out."""
    for each in case.asked():
        comments = [
            one.value[2:].decode("latin-1")
            for one in each.extensions
            if isinstance(one, x509.UnrecognizedExtension) and one.oid == NETSCAPE_COMMENT
        ]
        if each.profile.comment not in comments:
            what = "has no Netscape comment" if not comments else "has the Netscape comment of another kind"
            yield finding("comment", f"it {what}", each.label)
        if _extension(each, x509.SubjectKeyIdentifier) is None:
            yield finding("no_key_identifier", "it has no subject key identifier", each.label)


def subject_is_yours(case: Case) -> Iterator[Finding]:
    """Subjects are those of organisation.toml."""
    organisation = case.organisation
    for each in case.asked():
        if organisation is None:
            yield finding("no_organisation", "there is no organisation.toml, so no subject was compared")
            return
        missing = []
        for wanted in organisation.subject(each.profile):
            name = attribute_name(wanted)
            values = [str(one.value) for one in each.subject.get_attributes_for_oid(wanted.oid)]
            if any(_folded(value) == _folded(str(wanted.value)) for value in values):
                continue
            if not values and wanted.oid != NameOID.EMAIL_ADDRESS:
                missing.append(name)
                continue
            is_email = wanted.oid == NameOID.EMAIL_ADDRESS
            code, has = "subject_email" if is_email else "subject_differs", ", ".join(values) or "nothing"
            yield finding(code, f"{name} is {has}, not {wanted.value!s}", each.label)
        if missing:
            yield finding("subject_missing", f"its subject has no {', '.join(missing)}", each.label)


def _folded(value: str) -> str:
    """A form that is equal for values that RFC 5280 section 7.1 treats as equal."""
    return " ".join(unicodedata.normalize("NFKC", value).split()).casefold()


def _extension(each: Asked, kind: type[_Extension]) -> _Extension | None:
    return next((one for one in each.extensions if isinstance(one, kind)), None)
