"""Annotations for GitHub Actions: one workflow command for each finding."""

from collections.abc import Iterator

from engage_server.checks.finding import Severity
from engage_server.checks.reports.result import CheckRun

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github_report(run: CheckRun) -> Iterator[str]:
    """Write one line for each finding, one for each skipped target, and a summary line."""
    for result in run:
        if result.skipped:
            yield f"{_text(result.target)}: skipped: {_text(result.skipped)}\n"
        for finding in result.findings:
            about = f"{finding.certificate}: " if finding.certificate else ""
            where = "" if result.live else f"file={_property(result.file_of(finding))},line=1,"
            text = _text(f"{about}{finding.sentence}. Fix: {finding.mend}")
            yield f"::{_COMMANDS[finding.severity]} {where}title={_property(finding.code)}::{text}\n"
    totals = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in run.totals().items())
    yield f"{run.chains} chain{'' if run.chains == 1 else 's'}: {totals}{run.left_away()}\n"


def _text(text: str) -> str:
    """Escape a text for the runner. An unescaped newline would start another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
