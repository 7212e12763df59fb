"""``engage chain``."""

import click

from engage_server.cli.lazy_group import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "build": ("chain.build_command", "build"),
        "check": ("chain.check_command", "check"),
        "explain": ("chain.explain_command", "explain"),
        "renew": ("chain.renew_command", "renew"),
        "show": ("chain.show_command", "show"),
    },
)
def chain() -> None:
    """Certificate chains: root, intermediate and server certificate."""
