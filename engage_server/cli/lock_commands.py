"""``engage lock``."""

import click

from engage_server.cli.conformance_command import conformance_command
from engage_server.cli.fetch_command import fetch_command
from engage_server.cli.fleet_command import fleet_command
from engage_server.cli.misbehave_command import misbehave_command


@click.group()
def lock() -> None:
    """The virtual lock: does what a device does, and refuses what a device refuses."""


lock.add_command(fetch_command)
lock.add_command(conformance_command)
lock.add_command(fleet_command)
lock.add_command(misbehave_command)
