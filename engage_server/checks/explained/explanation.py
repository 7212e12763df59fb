"""What stands behind one code of a finding."""

import re
from dataclasses import dataclass

from engage_server.checks.finding import Severity

_RFC = re.compile(r"RFC (\d+)(?:,? (?:section|appendix) ([A-Z]?\.?[\d.]*\d))?")
_X509_PROFILE = "https://www.rfc-editor.org/rfc/rfc5280"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code, explained.

    Attributes:
        code: As in findings.
        severity: How bad.
        rule: What has to hold, in a sentence.
        why: What goes wrong where it does not.
        source: Where the rule comes from.
        fix: What to do.
        page: Where to read on; "" for what the source names.
        lesser: How bad a lesser case of it is; None when there is none.
        is_unreadable: Whether the target was not judged at all. Such a finding cannot be ignored.
    """

    code: str
    severity: Severity
    rule: str
    why: str
    source: str
    fix: str
    page: str = ""
    lesser: Severity | None = None
    is_unreadable: bool = False

    @property
    def severities(self) -> str:
        """How bad, with the lesser case."""
        return f"{self.severity} or {self.lesser}" if self.lesser else self.severity.value

    @property
    def area(self) -> str:
        """The first part of the code."""
        return self.code.partition(".")[0]

    @property
    def address(self) -> str:
        """Where to read on: the page, else the RFC that the source names first, else the one of certificates."""
        if self.page:
            return self.page
        named = _RFC.search(self.source)
        if named is None:
            return _X509_PROFILE
        place = f"#{'appendix' if named[2][0].isalpha() else 'section'}-{named[2]}" if named[2] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{named[1]}{place}"
