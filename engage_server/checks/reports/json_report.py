"""JSON for scripts. Its schema is ``docs/chain-check.schema.json``."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult

FORMAT = "engage-server/chain-check/1"


def json_report(run: CheckRun) -> Iterator[str]:
    """Write the run as one indented JSON object that ends in a newline, in one part for each target."""
    head = {"format": FORMAT, "at": run.at.isoformat(), "profile": run.profile, "limit_der_bytes": run.limit}
    yield indented(head).removesuffix("\n}") + ',\n  "targets": ['
    yield from separated(indented(_target(result, run.limit), depth=2) for result in run)
    yield '\n  ],\n  "totals": ' + indented(run.totals() | run.left_out(), depth=1) + "\n}\n"


def indented(value: object, *, depth: int = 0) -> str:
    """Write a value as JSON, indented for a place ``depth`` levels deep in a larger value."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * depth)


def separated(elements: Iterable[str]) -> Iterator[str]:
    """Separate the elements of an array two levels deep: one on each line, with commas."""
    for number, element in enumerate(elements):
        yield (",\n    " if number else "\n    ") + element


def _target(result: TargetResult, limit: int) -> dict[str, Any]:
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


def finding_json(finding: Finding) -> dict[str, str]:
    """Convert a finding to a JSON object. All its values are strings."""
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "sentence": finding.sentence,
        "certificate": finding.certificate,
        "measured": finding.measured,
        "limit": finding.limit,
        "source": finding.source,
        "mend": finding.mend,
    }
