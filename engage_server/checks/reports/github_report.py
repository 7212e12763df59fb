"""Annotations of GitHub Actions: one workflow command for each finding."""

from collections.abc import Iterator

from engage_server.checks.finding import Severity
from engage_server.checks.reports.result import CheckRun

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github_report(run: CheckRun) -> Iterator[str]:
    """One line for each finding and each target that was skipped, and one that sums up."""
    for result in run:
        if result.skipped:
            yield f"{_text(result.target)}: skipped: {_text(result.skipped)}\n"
        for finding in result.findings:
            about = f"{finding.certificate}: " if finding.certificate else ""
            where = "" if result.live else f"file={_property(result.file_of(finding))},line=1,"
            text = _text(f"{about}{finding.sentence} Mend: {finding.mend}")
            yield f"::{_COMMANDS[finding.severity]} {where}title={_property(finding.code)}::{text}\n"
    totals = ", ".join(f"{count} {severity}(s)" for severity, count in run.totals().items())
    yield f"{run.chains} chain(s): {totals}{run.left_away()}\n"


def _text(text: str) -> str:
    """Escaped as the runner reads it: a newline would begin another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
