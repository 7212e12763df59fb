"""``engage chain``."""

import click

from engage_server.cli.groups import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "build": ("chain.build_command", "build"),
        "check": ("chain.check_command", "check"),
        "show": ("chain.show_command", "show"),
        "renew": ("chain.renew_command", "renew"),
        "explain": ("chain.explain_command", "explain"),
    },
)
def chain() -> None:
    """Certificate chains: root, intermediate and server certificate."""
