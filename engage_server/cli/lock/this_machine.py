"""Whether a host is this machine: no other machine gets load unless a person agreed."""

import socket
import sys

import click

from engage_server.errors import NotPossible, UsageError
from engage_server.lock.transport.unreachable import what_to_do_about


def ask_unless_here(host: str, count: int, *, yes: bool) -> None:
    """Ask before many connections go to another machine.

    Args:
        host: Name or address.
        count: Of devices, for the question.
        yes: Whether the operator has already agreed.

    Raises:
        UsageError: It is another machine, and nobody is there to answer.
        click.Abort: The answer is no.
    """
    if yes or _is_here(host):
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{host} is another machine", "If so many devices may call it, add --yes.")
    click.confirm(f"{host} is another machine. Let {count} devices call it?", abort=True, err=True)


def _is_here(host: str) -> bool:
    """Whether every address of the host is one of this machine: only its own addresses can be bound."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise NotPossible(f"{host}: no such host", what_to_do_about(error, "Check the name.")) from None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.bind(address)
            except OSError:
                return False
    return True
