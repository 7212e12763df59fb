"""The check of chains. The schema of a whole run is published, too: ``docs/chain-check.schema.json``."""

from collections.abc import Iterator
from typing import Literal

from engage_server.as_json.formats import Instant, Shape
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult
from engage_server.checks.reports.written_json import indented, separated

_Form = Literal["engage-server/chain-check/1"]
FORMAT: _Form = "engage-server/chain-check/1"


class FindingJson(Shape):
    """What one check found."""

    severity: Severity
    """``error``: devices will or may refuse the chain. ``warning``: trouble comes later. ``note``: worth knowing."""
    code: str
    """Which check it was. The codes are stable."""
    sentence: str
    """What was found."""
    certificate: str
    """The common name of the certificate. Empty for the whole chain."""
    measured: str
    """The measured value with its unit. Empty if nothing was measured."""
    limit: str
    """The limit that it was compared with, with its unit. Empty if there is none."""
    source: str
    """Where the rule comes from."""
    mend: str
    """How to fix it."""


class CheckedCertificateJson(Shape):
    """One certificate of a chain that was checked."""

    role: str
    """``root``, ``link``, ``intermediate``, ``server``, or ``other`` for anything else that is sent."""
    name: str
    """Its common name."""
    der_bytes: int
    """Its size in bytes of DER."""
    not_after: Instant
    """The last second in which it is valid."""
    counted: bool
    """Whether it counts against a device's memory. Of two roots that a link connects, only one does."""


class TargetJson(Shape):
    """The check of one chain."""

    target: str
    """What was checked: a file, a folder, a host, or the name that was given."""
    fine: bool
    """Whether there is no finding of severity ``error``."""
    total_der_bytes: int
    """The bytes of DER that count: the root, sent or not, and all else that is sent."""
    left_der_bytes: int
    """The bytes of DER that are free. Negative: the chain is too long for devices."""
    certificates: list[CheckedCertificateJson]
    """From the root down, then anything else that is sent. Empty if the target could not be read."""
    findings: list[FindingJson]
    """Most severe first."""
    ignored: int
    """How many findings were left out because you asked for that."""
    skipped: str
    """Why it was not checked, because you asked for that. Empty if it was checked."""


class TotalsJson(Shape):
    """How many findings a run has, and what it left out."""

    error: int
    """Findings of this severity."""
    warning: int
    """Findings of this severity."""
    note: int
    """Findings of this severity."""
    ignored: int
    """Findings that were left out because you asked for that."""
    skipped: int
    """Targets that were not checked because you asked for that."""
    not_read: int
    """Targets that could not be read. Nothing is known about their chains."""


class ChainCheckJson(Shape):
    """A whole run of checks."""

    format: _Form
    """The name and number of this form. Under one number, fields are only added."""
    at: Instant
    """The time for which validity was judged."""
    profile: str
    """The name of the profile, which says what devices accept."""
    limit_der_bytes: int
    """The most bytes of DER that the profile allows for a chain."""
    targets: list[TargetJson]
    """In the order in which they were given."""
    totals: TotalsJson
    """The sums over all targets."""


def finding_json(finding: Finding) -> FindingJson:
    """What a check found. All its values are texts."""
    return {
        "severity": finding.severity,
        "code": finding.code,
        "sentence": finding.sentence,
        "certificate": finding.certificate,
        "measured": finding.measured,
        "limit": finding.limit,
        "source": finding.source,
        "mend": finding.mend,
    }


def target_json(result: TargetResult, limit: int) -> TargetJson:
    """The check of one chain.

    Args:
        result: What was found.
        limit: The most bytes of DER that the profile allows.
    """
    return {
        "target": result.target,
        "fine": result.count(Severity.ERROR) == 0,
        "total_der_bytes": result.total,
        "left_der_bytes": limit - result.total,
        "certificates": [
            {
                "role": each.role,
                "name": each.name,
                "der_bytes": each.der_bytes,
                "not_after": each.not_after.isoformat(),
                "counted": each.counted,
            }
            for each in result.certificates
        ],
        "findings": [finding_json(finding) for finding in result.findings],
        "ignored": result.ignored,
        "skipped": result.skipped,
    }


def chain_check_json(run: CheckRun) -> ChainCheckJson:
    """A whole run as one value. It holds all targets: for thousands of them use :func:`json_report`."""
    targets = [target_json(result, run.limit) for result in run]
    return {
        "format": FORMAT,
        "at": run.at.isoformat(),
        "profile": run.profile,
        "limit_der_bytes": run.limit,
        "targets": targets,
        "totals": _totals(run),
    }


def json_report(run: CheckRun) -> Iterator[str]:
    """Write the run as one indented JSON object that ends in a newline, in one part for each target."""
    head = {"format": FORMAT, "at": run.at.isoformat(), "profile": run.profile, "limit_der_bytes": run.limit}
    yield indented(head).removesuffix("\n}") + ',\n  "targets": ['
    yield from separated(indented(target_json(result, run.limit), depth=2) for result in run)
    yield '\n  ],\n  "totals": ' + indented(_totals(run), depth=1) + "\n}\n"


def _totals(run: CheckRun) -> TotalsJson:
    """What the run counted. It is complete only after the last target."""
    found, left_out = run.totals(), run.left_out()
    return {
        "error": found["error"],
        "warning": found["warning"],
        "note": found["note"],
        "ignored": left_out["ignored"],
        "skipped": left_out["skipped"],
        "not_read": left_out["not_read"],
    }
