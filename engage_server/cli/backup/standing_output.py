"""Prints how old the newest good backup is."""

from engage_server.cli.output import console, print_wrapped
from engage_server.cli.program import program
from engage_server.services.backup.nights.standing import BackupStanding


def print_backups(standing: BackupStanding) -> None:
    """Print the newest good backup and drill, and what is wrong. Nothing, if none was ever made or configured."""
    if standing.sentence:
        print_wrapped(f"backup: {standing.sentence}", "  ")
    style = "bold red" if standing.needs_attention else "yellow"
    for fault in standing.faults:
        console().print("  backup: ", style=style, end="")
        print_wrapped(fault, "    ", already=len("  backup: "))


def next_of_backups() -> str:
    """The next step when a backup is overdue."""
    return f"read the log of the operators' instance. Or make a backup now: {program()} backup create FILE"
