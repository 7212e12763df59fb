"""``engage key``."""

from pathlib import Path

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.key.check_command import check
from engage_server.cli.key.rotate_command import rotate
from engage_server.cli.output import print_next
from engage_server.cli.parameters import FilePath
from engage_server.cli.session import Session
from engage_server.services.access.permissions import Act


@click.group(cls=OrderedGroup, order=("check", "rotate", "export-release-key"))
def key() -> None:
    """Keys of the installation.

    The installation key seals everything, and is stored only sealed by the key-encryption key. That one stays with the
    operators, and can be replaced. The release key is derived from the installation key, and cannot be reversed. It
    opens only the private keys of releases, and the TLS instance needs nothing more.
    """


@key.command(
    "export-release-key",
    acts=[Act.RELEASE_KEY_EXPORT],
    epilog="\b\nExample:\n  engage key export-release-key /etc/engage-server/release.key",
)
@click.argument("file", type=FilePath)
@click.pass_obj
def export_release_key(session: Session, file: Path) -> None:
    """Write the release key into a file that only you can read.

    Use it for a separate TLS instance ('engage serve https'), which then never sees the key-encryption key. The release
    key is derived from the installation key. It needs no backup: writing it again gives the same file. The audit log
    records the export.
    """
    session.operator_side().release_key.write(file, session.occasion())
    click.echo(f"wrote the release key to {file}")
    print_next(f"for 'engage serve https', set release_key_file (or ENGAGE_RELEASE_KEY_FILE) to {file}")


key.add_command(check)
key.add_command(rotate)
