"""``engage hash``."""

from pathlib import Path

import click

from engage_server.cli.parameters import FilePath, demo_option, required_site_key, site_key_option
from engage_server.cli.session import Session
from engage_server.services.chains.folder import hash_der_file


@click.command("hash", epilog="\b\nExample:\n  engage hash certs/main/partner_CA.der --site-key-file site.key")
@click.argument("der_file", type=FilePath)
@site_key_option
@demo_option
@click.pass_obj
def hash_command(session: Session, der_file: Path, site_key_file: str | None, demo: bool) -> None:
    """Print the hash of a DER certificate under a site key.

    The hash is Base64(HMAC-SHA1(site key, DER)). The notice carries it, and devices compute it. Nothing else is
    printed.
    """
    key = required_site_key(session, site_key_file, demo)
    click.echo(hash_der_file(der_file, key))
