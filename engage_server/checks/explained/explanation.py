"""The explanation of one finding code."""

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
        severity: How serious it is.
        rule: The rule, in one sentence that is true of a good chain.
        why: What goes wrong when the rule is broken.
        source: Where the rule comes from.
        fix: What to do.
        page: The address of further reading; "" to derive it from the source.
        lesser: The severity of a less serious case; None if there is no such case.
        is_unreadable: Whether the target was not judged at all. Only files that are not a chain can be ignored then.
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
        """The severity, and that of the less serious case if there is one."""
        return f"{self.severity} or {self.lesser}" if self.lesser else self.severity.value

    @property
    def area(self) -> str:
        """The first part of the code."""
        return self.code.partition(".")[0]

    @property
    def address(self) -> str:
        """The address of further reading: the page, else the first RFC that the source names, else RFC 5280."""
        if self.page:
            return self.page
        named = _RFC.search(self.source)
        if named is None:
            return _X509_PROFILE
        place = f"#{'appendix' if named[2][0].isalpha() else 'section'}-{named[2]}" if named[2] else ""
        return f"https://www.rfc-editor.org/rfc/rfc{named[1]}{place}"
