"""A finding: what a rule reports about a chain."""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum

from cryptography import x509

from engage_server.pki.names import display_name


class Severity(StrEnum):
    """How serious a finding is."""

    ERROR = "error"  # devices will or may refuse the chain: it cannot be activated
    WARNING = "warning"  # it works today but will cause trouble later
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a chain, or worth knowing about it.

    Attributes:
        severity: How serious it is.
        code: A stable code, ``area.what``. An override refers to it.
        sentence: What was found.
        certificate: The certificate's common name, or "" for the whole chain.
        source: The source of the rule.
        mend: How to fix it.
        measured: The measured value with its unit, or "".
        limit: The limit that it was compared with, with its unit, or "".
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
    """The name of a certificate in findings."""
    return display_name(certificate.subject)
