"""How releases are shown."""

from datetime import datetime

from engage_server.checks import Severity
from engage_server.cli.output import console, print_wrapped, printable
from engage_server.records import Release, ReleaseState
from engage_server.services.releases.checked_release import CheckedRelease

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def print_findings(checked: CheckedRelease) -> None:
    """What the checks found, the worst first, each with its fix."""
    out = console()
    for finding in checked.findings:
        where = f"{finding.certificate}: " if finding.certificate else ""
        out.print(f"{finding.severity}", style=_STYLES[finding.severity], end="")
        text = f" [{finding.code}] {where}{finding.sentence}"
        print_wrapped(printable(text), " " * 6, already=len(finding.severity))
        print_wrapped(printable(f"      fix: {finding.mend} ({finding.source})"), " " * 8)


def state_words(of: Release) -> str:
    """A state for people: of those that are no longer served, one can be gone back to as long as its key exists."""
    if of.state is not ReleaseState.RETIRED:
        return of.state.value
    return "retired" if of.key_destroyed_at else "former"


def day(at: datetime | None) -> str:
    """A date for a table; "" for none."""
    return f"{at:%Y-%m-%d}" if at else ""
