"""What a rule says about a chain."""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum

from cryptography import x509

from engage_server.pki.names import display_name


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # devices will or may refuse the chain: it cannot be activated
    WARNING = "warning"  # it works today and will hurt later
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with, or remarkable about, a chain.

    Attributes:
        severity: How bad.
        code: Stable, ``area.what``; what an override names.
        sentence: What was found.
        certificate: The certificate's common name, or "" for the chain as a whole.
        source: Where the rule comes from.
        mend: What to do about it.
        measured: What was measured, with its unit, or "".
        limit: What it was held against, with its unit, or "".
    """

    severity: Severity
    code: str
    _: KW_ONLY
    sentence: str
    certificate: str
    source: str
    mend: str
    measured: str = ""
    limit: str = ""


def about(certificate: x509.Certificate) -> str:
    """How findings call a certificate."""
    return display_name(certificate.subject)
