"""``engage chain``."""

import click

from engage_server.cli.lazy_group import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "build": ("build_command", "build"),
        "check": ("check_command", "check"),
        "explain": ("explain_command", "explain"),
        "renew": ("renew_command", "renew"),
        "show": ("show_command", "show"),
    },
)
def chain() -> None:
    """Certificate chains: root, intermediate and server certificate."""
