"""``engage lock``."""

import click

from engage_server.cli.groups import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "fetch": ("lock.fetch_command", "fetch_command"),
        "conformance": ("lock.conformance_command", "conformance_command"),
        "fleet": ("lock.fleet_command", "fleet_command"),
        "misbehave": ("lock.misbehave_command", "misbehave_command"),
    },
)
def lock() -> None:
    """The virtual lock: does what a device does, and refuses what a device refuses."""
