"""What was found of the exchange sheet, and where. Pure values: the readers of folders and settings make them."""

from dataclasses import dataclass, field, fields
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.links.telekom.certificates.organisation import Organisation


@dataclass(frozen=True, slots=True)
class FoundCertificate:
    """A certificate.

    Attributes:
        sign: The item that it belongs to; "" if that is not known.
        source: Where it was found: a file, as it is reported.
        certificate: The certificate.
    """

    sign: str
    source: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A private key, of which only the public half is kept.

    Attributes:
        sign: The item whose certificate it belongs to; "" if that is not known.
        source: Where it was found.
        public: The public half; None if the key is locked.
        is_encrypted: Whether the file is encrypted.
        is_open_to_others: Whether other users may read the file.
    """

    sign: str
    source: str
    public: PublicKeyTypes | None = field(hash=False)  # cryptography compares keys, but has no hash of them
    is_encrypted: bool
    is_open_to_others: bool


@dataclass(frozen=True, slots=True)
class FoundRequest:
    """A certificate request, for the item that its certificate will be."""

    sign: str
    source: str
    request: x509.CertificateSigningRequest


@dataclass(frozen=True, slots=True)
class FoundUrl:
    """The address of an endpoint."""

    sign: str
    source: str
    url: str


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A file with a secret, which was not kept."""

    sign: str
    source: str
    is_empty: bool
    is_open_to_others: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that could not be read, and why."""

    source: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """What a host of ``links.toml`` presents to Telekom.

    Attributes:
        sign: ``2`` or ``4``.
        source: Which host.
        certificate: Its certificate.
    """

    sign: str
    source: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class ExchangeSet:
    """All that was found. Two of them can be added.

    Attributes:
        certificates: Certificates of 1 to 4 and A to D.
        keys: Private keys of 1 to 4.
        requests: Requests for 1 to 4.
        urls: 5 to 8 and E to H.
        secrets: 9, J and K.
        authorities: Certificates of CAs.
        served: What hosts present to Telekom.
        faults: What could not be read.
        unplaced: Files that belong to no item.
        organisations: At most one counts, the first.
    """

    certificates: tuple[FoundCertificate, ...] = ()
    keys: tuple[FoundKey, ...] = ()
    requests: tuple[FoundRequest, ...] = ()
    urls: tuple[FoundUrl, ...] = ()
    secrets: tuple[FoundSecret, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()
    served: tuple[ServedCertificate, ...] = ()
    faults: tuple[Fault, ...] = ()
    unplaced: tuple[str, ...] = ()
    organisations: tuple[Organisation, ...] = ()

    def __add__(self, other: Self) -> "ExchangeSet":
        both = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        return ExchangeSet(**{name: tuple(dict.fromkeys(values)) for name, values in both.items()})
