"""What ``engage telekom check`` prints: the sheet, the findings, and the fingerprints of requests that wait."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from engage_server.as_json.chain_check import finding_json
from engage_server.checks.finding import Finding, Severity
from engage_server.checks.reports.text_report import finding_lines
from engage_server.cli.output import WIDTH, counted, print_next, print_table, print_wrapped, printable
from engage_server.cli.program import program
from engage_server.links.telekom.certificates.requests import spoken_rows
from engage_server.links.telekom.exchange.case import Case
from engage_server.links.telekom.exchange.judging import Row, State
from engage_server.links.telekom.exchange.sheet import Giver, Kind

FORMAT = "engage-server/telekom-check/1"


def check_json(case: Case, sheet: Sequence[Row], findings: Sequence[Finding]) -> dict[str, Any]:
    """The whole check for scripts."""
    totals = _totals(findings)
    return {
        "format": FORMAT,
        "at": case.now.isoformat(),
        "fine": not totals["error"],
        "complete": all(row.state is State.HERE for row in sheet),
        "sheet": [
            {
                "item": row.item.sign,
                "what": row.item.what,
                "environment": row.item.environment.value if row.item.environment else None,
                "given_by": row.item.giver.value,
                "state": row.state.value,
                "source": row.source,
                "detail": row.detail,
                "to_do": row.to_do,
            }
            for row in sheet
        ],
        "findings": [finding_json(each) for each in findings],
        "totals": totals,
    }


def print_check(case: Case, sheet: Sequence[Row], findings: Sequence[Finding], again: str) -> None:
    """The whole check for people.

    Args:
        case: What was judged.
        sheet: The exchange sheet.
        findings: Most severe first.
        again: What was checked, as on the command line.
    """
    for giver, title in ((Giver.YOU, "you give Telekom"), (Giver.TELEKOM, "Telekom gives you")):
        rows = [(row.item.sign, row.item.what, _state(row), _where(row)) for row in sheet if row.item.giver is giver]
        print_table(["", title, "state", "where"], rows, "")
    for row in sheet:
        if row.to_do and row.state is not State.MISSING:
            print_wrapped(printable(f"{row.item.sign}: {row.to_do}"), "   ")
        if row.state is State.REQUESTED:
            click.echo("   its fingerprint, SHA-256 of the DER, to compare on the telephone:")
            for number, spoken in enumerate(spoken_rows(row.detail), start=1):
                click.echo(f"     row {number}:  {spoken}")
    for each in findings:
        click.echo("\n".join(finding_lines(each, width=WIDTH)))
    _print_summary(case, sheet, findings, again)


def _print_summary(case: Case, sheet: Sequence[Row], findings: Sequence[Finding], again: str) -> None:
    totals = ", ".join(counted(count, severity) for severity, count in _totals(findings).items())
    here = sum(row.state is State.HERE for row in sheet)
    click.echo(f"{here} of {len(sheet)} items are here, at {case.now:%Y-%m-%d %H:%M} UTC: {totals}")
    if any(each.severity is Severity.ERROR for each in findings):
        print_next(f"fix the errors above, then: {program()} telekom check {again}")
    elif here < len(sheet):
        missing = next(row for row in sheet if row.state is not State.HERE)
        print_next(printable(f"{missing.item.sign}, {missing.item.what}: {missing.to_do}"))
    else:
        print_next("everything is here; nothing to do")


def _state(row: Row) -> str:
    """The state. A certificate that is here has an end, which says more."""
    is_certificate = row.state is State.HERE and row.item.kind is Kind.CERTIFICATE
    return row.detail if is_certificate else row.state.value


def _where(row: Row) -> str:
    """Where it is, or who has to do what."""
    return row.to_do.partition(" --")[0] if row.state is State.MISSING else row.source


def _totals(findings: Sequence[Finding]) -> dict[str, int]:
    count = Counter(each.severity for each in findings)
    return {severity.value: count[severity] for severity in Severity}
