"""SARIF 2.1.0, as code scanning services read it."""

import json
from typing import Any
from urllib.parse import quote

from engage_server import __version__
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def sarif_report(run: CheckRun) -> str:
    """The run as a SARIF log with one run. Rules are those of the findings, by code."""
    found = [(result.target, finding) for result in run.results for finding in result.findings]
    rules = {finding.code: finding for _, finding in sorted(found, key=lambda each: each[1].code)}
    places = {code: place for place, code in enumerate(rules)}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "engage chain check",
                        "version": __version__,
                        "rules": [_rule(finding) for finding in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(target, finding, places[finding.code]) for target, finding in found],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.code,
        "shortDescription": {"text": finding.code.replace(".", ": ").replace("_", " ")},
        "help": {"text": f"{finding.mend} Source: {finding.source}."},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
    }


def _result(target: str, finding: Finding, place: int) -> dict[str, Any]:
    about = f"{finding.certificate}: " if finding.certificate else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{about}{finding.sentence}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(target, safe="/:.-_~[]")}}}],
        "properties": {"measured": finding.measured, "limit": finding.limit, "mend": finding.mend},
    }
