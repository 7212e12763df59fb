"""Prints how alerts stand."""

from engage_server.cli.output import console, print_wrapped
from engage_server.services.alerts.standing import AlertStanding


def print_alerts(standing: AlertStanding) -> None:
    """Print who gets alerts, what waits, and who gets nothing any more. Nothing, if there are no recipients."""
    if not standing.recipients:
        return
    print_wrapped(f"alerts: {standing.sentence}", "  ")
    for fault in standing.faults:
        console().print("  alerts: ", style="bold red", end="")
        print_wrapped(fault, "    ", already=len("  alerts: "))
