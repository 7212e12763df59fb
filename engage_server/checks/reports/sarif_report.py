"""SARIF 2.1.0 for code scanning services."""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from engage_server import __version__
from engage_server.checks.explained import EXPLANATIONS
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult
from engage_server.checks.reports.written_json import indented, separated

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NO_PAGE = "https://www.rfc-editor.org/rfc/rfc5280"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def sarif_report(run: CheckRun) -> Iterator[str]:
    """Write a SARIF log with one run, in one part for each result. Its rules are the codes of the findings."""
    rules: dict[str, Finding] = {}
    yield f'{{\n  "$schema": "{_SCHEMA}",\n  "version": "2.1.0",\n  "runs": [{{\n  "columnKind": "unicodeCodePoints",\n'
    yield '  "results": ['
    yield from separated(_results(run, rules))
    driver = {
        "name": "engage chain check",
        "version": __version__,
        "rules": [_rule(finding) for finding in rules.values()],
    }
    yield '\n  ],\n  "tool": ' + indented({"driver": driver}, depth=1) + "\n  }]\n}\n"


def _results(run: CheckRun, rules: dict[str, Finding]) -> Iterator[str]:
    """Yield the results as JSON, and add each new code to the rules."""
    for result in run:
        seen: Counter[str] = Counter()
        for finding in result.findings:
            rules.setdefault(finding.code, finding)
            mark = _fingerprint(result, finding)
            seen[mark] += 1
            yield indented(_result(result, finding, list(rules).index(finding.code), f"{mark}:{seen[mark]}"), depth=2)


def _fingerprint(result: TargetResult, finding: Finding) -> str:
    """A fingerprint of code, certificate and file. It does not change with the number of days or bytes."""
    parts = (finding.code, finding.certificate, result.file_of(finding))
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _rule(finding: Finding) -> dict[str, Any]:
    explained = EXPLANATIONS.get(finding.code)
    if explained is None:
        return {"id": finding.code, "shortDescription": {"text": finding.code}, "helpUri": _NO_PAGE}
    steps = f"{explained.fix} Source: {explained.source}. More: engage chain explain {explained.code}"
    return {
        "id": explained.code,
        "shortDescription": {"text": explained.rule},
        "fullDescription": {"text": explained.why},
        "help": {"text": steps},
        "helpUri": explained.address,
        "defaultConfiguration": {"level": _LEVELS[explained.severity]},
        "properties": {"tags": ["certificates", "tls", explained.area], "precision": "very-high"},
    }


def _result(result: TargetResult, finding: Finding, place: int, fingerprint: str) -> dict[str, Any]:
    about = f"{finding.certificate}: " if finding.certificate else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{about}{finding.sentence}"},
        # GitHub distinguishes alerts by the second one: all of ours are on the first line of their file
        "partialFingerprints": {"engageChainCheck/v1": fingerprint, "primaryLocationLineHash": fingerprint},
        "locations": [{"physicalLocation": _location(result.file_of(finding))}],
        "properties": {
            "target": result.target,
            "measured": finding.measured,
            "limit": finding.limit,
            "mend": finding.mend,
        },
    }


def _location(place: str) -> dict[str, Any]:
    """The location of a finding. Code scanning shows nothing for a file without a region.

    A relative path is relative to the checkout.
    """
    if place.startswith("https://"):
        return {"artifactLocation": {"uri": quote(place, safe="/:.-_~[]")}}
    scheme = "file://" if place.startswith("/") else ""
    return {
        "artifactLocation": {"uri": scheme + quote(place, safe="/.-_~")},
        "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
    }
