"""The set that the rules check, and the circumstances."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.links.telekom.certificates.organisation import Organisation
from engage_server.links.telekom.certificates.profiles import PROFILES, Profile
from engage_server.links.telekom.exchange.exchange_set import (
    ExchangeSet,
    FoundCertificate,
    FoundKey,
    FoundRequest,
    FoundUrl,
)
from engage_server.links.telekom.exchange.sheet import ITEMS, OWN, THEIRS
from engage_server.pki.extensions import extensions_of
from engage_server.pki.keys import public_key_der


@dataclass(frozen=True, slots=True)
class Asked:
    """What a profile is held against: one of your certificates, or a request that waits for one.

    Attributes:
        profile: The profile of its item.
        label: Item and file, for findings.
        subject: Its subject.
        extensions: Those that can be read.
        is_request: Whether it is a request.
    """

    profile: Profile
    label: str
    subject: x509.Name
    extensions: tuple[x509.ExtensionType, ...]
    is_request: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A set and the circumstances under which it is judged.

    Attributes:
        found: What was found.
        now: The time at which validity is judged, timezone-aware.
        warn_within: A certificate that expires within this time gets a warning.
    """

    found: ExchangeSet
    now: datetime
    warn_within: timedelta

    @property
    def organisation(self) -> Organisation | None:
        """Who asks for certificates, if that is known."""
        return next(iter(self.found.organisations), None)

    def certificates(self, sign: str) -> list[FoundCertificate]:
        """The certificates of an item, each once. The one that became valid last comes first, and counts."""
        once: dict[x509.Certificate, FoundCertificate] = {}
        for each in self.found.certificates:
            if each.sign == sign:
                once.setdefault(each.certificate, each)
        return sorted(once.values(), key=lambda each: each.certificate.not_valid_before_utc, reverse=True)

    def current(self, signs: Iterable[str] = OWN + THEIRS) -> Iterator[FoundCertificate]:
        """The certificate that counts of each of these items."""
        for sign in signs:
            yield from self.certificates(sign)[:1]

    def keys(self, sign: str) -> list[FoundKey]:
        """The private keys of an item."""
        return [each for each in self.found.keys if each.sign == sign]

    def requests(self, sign: str) -> list[FoundRequest]:
        """The requests of an item."""
        return [each for each in self.found.requests if each.sign == sign]

    def waiting(self, sign: str) -> list[FoundRequest]:
        """The requests of an item that no certificate was issued for yet."""
        certified = {public_key_der(each.certificate.public_key()) for each in self.certificates(sign)}
        return [each for each in self.requests(sign) if public_key_der(each.request.public_key()) not in certified]

    def url(self, sign: str) -> FoundUrl | None:
        """The URL of an item."""
        return next((each for each in self.found.urls if each.sign == sign), None)

    def asked(self) -> Iterator[Asked]:
        """Your certificates that count, and the requests that wait."""
        for profile in PROFILES:
            for one in self.current(profile.sign):
                read = tuple(each.value for each in extensions_of(one.certificate).readable)
                yield Asked(profile, label(one.sign, one.source), one.certificate.subject, read, False)
            for request in self.waiting(profile.sign):
                read = tuple(each.value for each in request.request.extensions)
                yield Asked(profile, label(request.sign, request.source), request.request.subject, read, True)

    def public_keys(self, sign: str) -> Iterator[tuple[str, PublicKeyTypes]]:
        """Every public key of an item, with the file that it was found in: certificates, requests and private keys."""
        yield from ((each.source, each.certificate.public_key()) for each in self.certificates(sign))
        yield from ((each.source, each.request.public_key()) for each in self.requests(sign))
        yield from ((each.source, each.public) for each in self.keys(sign) if each.public is not None)


def label(sign: str, source: str) -> str:
    """How findings name an item's file."""
    return f"{sign} {source}" if sign in ITEMS else source
