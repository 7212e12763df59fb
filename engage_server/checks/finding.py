"""What a rule says about a chain."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # devices will or may refuse the chain: it can not be activated
    WARNING = "warning"  # it works today and will hurt later
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with, or remarkable about, a chain.

    Attributes:
        severity: How bad.
        code: Stable, ``area.what``; what an override names.
        sentence: What was found, with the measured value and the limit.
        certificate: The certificate's common name, or "" for the chain as a whole.
        source: Where the rule comes from.
        mend: What to do about it.
    """

    severity: Severity
    code: str
    sentence: str
    certificate: str
    source: str
    mend: str
