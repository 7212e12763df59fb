"""The one table of what a door or a site can be at risk of. The page ``docs/tonight.md`` is made from it."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a risk is. A larger number is worse, and comes first in every list."""

    LOW = 1  # worth a look; no call is expected to fail
    MEDIUM = 2  # a call may fail or not come, or a door will need one more attempt
    HIGH = 3  # calls fail already, or are expected to fail tonight

    @property
    def word(self) -> str:
        """The stable word for it: ``high``, ``medium`` or ``low``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of risk.

    Attributes:
        code: A stable code.
        severity: How bad it is. It is the same for all doors.
        of_site: Whether it is said once for the whole site, and not for each door.
        title: What it is, in a few words.
        when: The rule by which it is found.
    """

    code: str
    severity: Severity
    of_site: bool
    title: str
    when: str


PATH_CUT = Kind(
    "risk.path_cut",
    Severity.HIGH,
    True,
    "The path to the site is cut",
    "A link says that nothing comes through. Doors that fell silent since then are counted here, and not listed one "
    "by one.",
)
CERTIFICATE_ENDS_TONIGHT = Kind(
    "risk.certificate_ends_tonight",
    Severity.HIGH,
    True,
    "A served certificate ends tonight",
    "A server or intermediate certificate, or the root, has ended or ends before the next noon at the site.",
)
RENEWAL_LATE = Kind(
    "risk.renewal_late",
    Severity.HIGH,
    True,
    "The last safe day to renew a certificate has passed",
    "Too few days are left for all doors to call twice before it ends. It is the day under `start by` in "
    "`engage status`.",
)
REFUSED_TLS = Kind(
    "risk.refused_tls",
    Severity.HIGH,
    False,
    "It refused TLS",
    "It refused TLS at its last calls, or reported that it did not accept the new anchor.",
)
NO_RETURN = Kind(
    "risk.no_return",
    Severity.HIGH,
    False,
    "It never comes back by TLS",
    "It asks for the notice or downloads the anchor again and again, and does not finish TLS.",
)
REFUSES_SERVED = Kind(
    "risk.refuses_served",
    Severity.HIGH,
    False,
    "It would refuse what is served",
    "It would refuse the served release with each anchor that it may hold.",
)
ANCHOR_ENDS = Kind(
    "risk.anchor_ends",
    Severity.HIGH,
    False,
    "Its anchor ends before its next call",
    "Each anchor that it may hold ends before it is expected to call, or before the next noon.",
)
OTHER_SITE = Kind(
    "risk.other_site",
    Severity.MEDIUM,
    False,
    "Another site answers it",
    "It is on this site's list, and only another site ever answered it.",
)
OTHER_HOST = Kind(
    "risk.other_host",
    Severity.MEDIUM,
    False,
    "It calls a host that is not the site's",
    "The host that it called last is none of the site's, and it has not accepted the served release.",
)
REFUSES_NEXT = Kind(
    "risk.refuses_next",
    Severity.MEDIUM,
    False,
    "It would refuse the rotation's next step",
    "The next step may come before the next noon, and each anchor that it may hold leads to a refusal.",
)
CERTIFICATE_ENDS = Kind(
    "risk.certificate_ends",
    Severity.MEDIUM,
    False,
    "The certificate ends before its next call",
    "The served server or intermediate certificate ends after tonight, but before it is expected to call.",
)
SILENT = Kind(
    "risk.silent",
    Severity.MEDIUM,
    False,
    "It is silent",
    "It has not called for longer than its own habit. Neither missing evidence nor a cut path explains that.",
)
PATH_DEGRADED = Kind(
    "risk.path_degraded",
    Severity.MEDIUM,
    True,
    "The path to the site is degraded",
    "A link reports trouble, or reports nothing although it should. Doors that may be silent for that are listed, too.",
)
PATH_WAS_CUT = Kind(
    "risk.path_was_cut",
    Severity.MEDIUM,
    True,
    "The path to the site was cut",
    "Doors that fell silent in the cut have not come yet. Each gets a night, in which a rotation waits for it, too. "
    "They are counted here, and not listed one by one.",
)
EVIDENCE_MISSING = Kind(
    "risk.evidence_missing",
    Severity.MEDIUM,
    True,
    "Evidence is missing",
    "A host's calls may not be stored yet, so that this list may not be complete.",
)
ROTATION_WAITS = Kind(
    "risk.rotation_waits",
    Severity.MEDIUM,
    True,
    "A rotation waits for a person",
    "The site's rotation is paused, or asks for an approval before its next step.",
)
RENEWAL_SOON = Kind(
    "risk.renewal_soon",
    Severity.LOW,
    True,
    "A certificate has to be renewed soon",
    "Its last safe day to start is within a month. `engage status` calls it `soon`.",
)
CONTESTED = Kind(
    "risk.contested",
    Severity.LOW,
    False,
    "Two addresses use its serial number",
    "It is seen at two addresses alternately, so that neither proves anything.",
)
REPORTS = Kind(
    "risk.reports",
    Severity.LOW,
    False,
    "It reported trouble within a week",
    "Its audits reported trouble, or it asked by plain HTTP although it had accepted the chain.",
)
NEVER_SEEN = Kind(
    "risk.never_seen",
    Severity.LOW,
    False,
    "It was never seen",
    "It is on the site's list, and no site ever answered it.",
)

# worst first; within a severity, the first one is the one to mend first
KINDS = (
    PATH_CUT,
    CERTIFICATE_ENDS_TONIGHT,
    RENEWAL_LATE,
    REFUSED_TLS,
    NO_RETURN,
    REFUSES_SERVED,
    ANCHOR_ENDS,
    ROTATION_WAITS,
    EVIDENCE_MISSING,
    PATH_DEGRADED,
    PATH_WAS_CUT,
    OTHER_SITE,
    OTHER_HOST,
    REFUSES_NEXT,
    CERTIFICATE_ENDS,
    SILENT,
    RENEWAL_SOON,
    CONTESTED,
    REPORTS,
    NEVER_SEEN,
)
RANKS = {kind.code: rank for rank, kind in enumerate(KINDS)}
# what a diagnosis is here: the diagnosis says why and what to do
OF_DIAGNOSIS = {
    "loop": REFUSED_TLS,
    "anchor_refused": REFUSED_TLS,
    "refuses": REFUSED_TLS,
    "no_return": NO_RETURN,
    "no_download": NO_RETURN,
    "silent": SILENT,
    "elsewhere": SILENT,
    "reports": REPORTS,
    "asks_again": REPORTS,
    "contested": CONTESTED,
    "other_site": OTHER_SITE,
}
