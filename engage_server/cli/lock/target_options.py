"""Options of the virtual lock's commands: where the host listens, and which limits a device has."""

import click

from engage_server.checks import PROFILES

https_port_option = click.option(
    "--https-port", type=click.IntRange(1, 65535), default=443, show_default=True, help="Port of the TLS instance."
)

profile_option = click.option(
    "--profile",
    default="any",
    show_default=True,
    metavar="NAME|FILE",
    help=f"Device limits: {', '.join(PROFILES)}, or a TOML file.",
)
