"""Whether a host is this machine: load goes to no other one unless a person said so."""

import socket
import sys

import click

from engage_server.errors import NotPossible, UsageError


def ask_unless_here(host: str, count: int, *, yes: bool) -> None:
    """Ask before many connections go to another machine.

    Args:
        host: Name or address.
        count: Of devices, for the question.
        yes: Whether it was answered beforehand.

    Raises:
        UsageError: It is another machine, and there is nobody to ask.
        click.Abort: The answer is no.
    """
    if yes or _is_here(host):
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{host} is another machine", "If it may be called by so many devices, say so: --yes.")
    click.confirm(f"{host} is another machine. Let {count} devices call it?", abort=True, err=True)


def _is_here(host: str) -> bool:
    """Whether every address of the host is one of this machine: only such can be bound."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        raise NotPossible(f"{host}: no such host", "Is the name right?") from None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.bind(address)
            except OSError:
                return False
    return True
