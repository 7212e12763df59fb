"""``engage chain``."""

import click

from engage_server.cli.lazy_group import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "check": ("check_command", "check"),
        "show": ("show_command", "show"),
        "renew": ("renew_command", "renew"),
        "build": ("build_command", "build"),
    },
)
def chain() -> None:
    """Certificate chains: root, intermediate and server certificate."""
