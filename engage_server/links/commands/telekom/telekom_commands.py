"""``engage telekom``."""

import click

from engage_server.cli.groups import LazyGroup

_ROOM = "engage_server.links.commands.telekom"


@click.group(
    cls=LazyGroup,
    table={
        "csr": (f"{_ROOM}.csr_command", "csr"),
        "check": (f"{_ROOM}.check_command", "check"),
        "sign": (f"{_ROOM}.message_commands", "sign"),
        "verify": (f"{_ROOM}.message_commands", "verify"),
        "call": (f"{_ROOM}.call_command", "call"),
        "acceptance": (f"{_ROOM}.acceptance_command", "acceptance"),
    },
)
def telekom() -> None:
    """Telekom's M2M portal: certificates and signed messages.

    Checked against OpenSSL, Apache WSS4J and xmlsec1. Never against Telekom.
    """
