"""``engage key``."""

from pathlib import Path

import click

from engage_server.cli.output import print_next
from engage_server.cli.parameters import FilePath
from engage_server.cli.session import Session


@click.group(epilog="Example:  engage key export-release-key release.key")
def key() -> None:
    """Keys of the installation: what each process gets.

    The key-encryption key opens everything and stays with the operators. The release key is made from it, one way, and
    opens the private keys of releases alone: all that the TLS instance needs.
    """


@key.command(
    "export-release-key", epilog="\b\nExample:\n  engage key export-release-key /etc/engage-server/release.key"
)
@click.argument("file", type=FilePath)
@click.pass_obj
def export_release_key(session: Session, file: Path) -> None:
    """Write the release key into a file that only you can read. The audit log notes it.

    For a TLS instance of its own ('engage serve https'), which then never sees the key-encryption key. Writing it again
    writes the same: it is made from the key-encryption key, and needs no backup.
    """
    session.operator_side().release_key.write(file, session.occasion())
    click.echo(f"wrote the release key to {file}")
    print_next(f"set release_key_file (or ENGAGE_RELEASE_KEY_FILE) of 'engage serve https' to {file}")
