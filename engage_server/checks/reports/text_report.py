"""Text for people: a bar with the chain's bytes and the device's limit, then findings, most severe first."""

import textwrap
from collections.abc import Callable, Iterator

from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.result import CheckRun, TargetResult

Paint = Callable[[str, str], str]  # (text, style) -> text, coloured on a terminal and unchanged elsewhere

_CELLS = 44
_NARROWEST = 40  # columns: below that, a word a line would be harder to read than a line that the terminal breaks
_MARKS = {"root": "R", "link": "L", "intermediate": "I", "server": "S", "other": "O"}
_STYLES = {"root": "magenta", "intermediate": "blue", "server": "cyan", "link": "magenta", "other": "yellow"}
_SEVERITY_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "bright_black"}


def plain(text: str, _style: str) -> str:
    """Leave a text uncoloured."""
    return text


def text_report(run: CheckRun, paint: Paint = plain, width: int | None = None) -> Iterator[str]:
    """Write the run for a terminal or a log, in one part for each target and a summary.

    Args:
        run: The run to report.
        paint: Adds colour to a text; the default adds none.
        width: Wrap at this column. None keeps each finding in one line, for what searches the lines.
    """
    for result in run:
        yield _target(result, run.limit, paint, width) + "\n"
    totals = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in run.totals().items())
    chains = f"{run.chains} chain{'' if run.chains == 1 else 's'}"
    summary = f"{chains} for {run.profile} devices at {run.at:%Y-%m-%d %H:%M} UTC: {totals}{run.left_away()}"
    yield "\n".join(_wrapped(summary, width)) + "\n"


def _target(result: TargetResult, limit: int, paint: Paint, width: int | None) -> str:
    lines = [_one_line(result.target)]
    if result.certificates:
        lines.append(_bar(result, limit, paint))
    for each in result.certificates:
        not_counted = "" if each.counted else "  (not counted: devices have one root, and the other is longer)"
        row = f"  {each.role:<13}{each.der_bytes:>6} bytes  until {each.not_after:%Y-%m-%d}  {_one_line(each.name)}"
        lines += _wrapped(row + not_counted, width)
    for finding in result.findings:
        lines += finding_lines(finding, paint, width)
    if result.skipped:
        lines += _wrapped(f"  skipped: {_one_line(result.skipped)}", width)
    elif not result.findings:
        lines.append(f"  {paint('fine', 'green')}: nothing{' else' if result.ignored else ''} found")
    return "\n".join(lines) + "\n"


def _bar(result: TargetResult, limit: int, paint: Paint) -> str:
    scale = max(limit, result.total)
    cells, used = "", 0
    for each in result.certificates:
        if not each.counted:
            continue
        width = round((used + each.der_bytes) * _CELLS / scale) - round(used * _CELLS / scale)
        used += each.der_bytes
        cells += paint(_MARKS[each.role] * width, _STYLES[each.role])
    free = "." * (_CELLS - round(used * _CELLS / scale))
    left = limit - result.total
    verdict = f"{left} left" if left >= 0 else paint(f"{-left} too many", "red")
    return f"  [{cells}{free}] {result.total} of {limit} bytes, {verdict}"


def finding_lines(finding: Finding, paint: Paint = plain, width: int | None = None) -> list[str]:
    """Write one finding: severity, code, certificate and sentence, then the fix and the source of the rule.

    Args:
        finding: The finding.
        paint: Adds colour to a text; the default adds none.
        width: Wrap at this column. None keeps the finding in two lines.
    """
    about = f"{_one_line(finding.certificate)}: " if finding.certificate else ""
    severity = finding.severity.value
    first, *more = _wrapped(f"  {severity} [{finding.code}] {about}{_one_line(finding.sentence)}", width)
    label = paint(severity, _SEVERITY_STYLES[finding.severity])  # after wrapping: colour takes no column
    painted = f"  {label}{first.removeprefix(f'  {severity}')}"
    return [painted, *more, *_wrapped(f"      fix: {_one_line(finding.mend)} ({finding.source})", width)]


def _wrapped(text: str, width: int | None) -> list[str]:
    """The text in lines of this width. Words that are longer stay whole, so that paths can be copied."""
    if width is None:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    return textwrap.wrap(
        text, max(width, _NARROWEST), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _one_line(text: str) -> str:
    """Replace control characters: a certificate's text must not start a line or add colour."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
