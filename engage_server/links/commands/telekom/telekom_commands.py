"""``engage telekom``."""

import click

from engage_server.cli.groups import LazyGroup

_ROOM = "engage_server.links.commands.telekom"


@click.group(
    cls=LazyGroup,
    table={
        "csr": (f"{_ROOM}.csr_command", "csr"),
        "check": (f"{_ROOM}.check_command", "check"),
    },
)
def telekom() -> None:
    """Telekom's M2M portal: certificates and signed messages.

    Checked against OpenSSL. Never against Telekom.
    """
