"""``engage kpn secret`` and ``engage kpn token``."""

from pathlib import Path

import click

from engage_server.cli.output import print_next
from engage_server.cli.parameters import FilePath
from engage_server.errors import UsageError
from engage_server.files import SECRET_MODE, write_new_file
from engage_server.links.commands.kpn_links import STANDARD_INPUT, content_of, destination_option, secret_of
from engage_server.links.kpn.message_token import message_token
from engage_server.links.kpn.shared_secrets import SecretKind, new_secret

_MAX_BODY_BYTES = 16 * 1024 * 1024


@click.command(
    epilog="\b\nExamples:\n"
    "  engage kpn secret --output door-7.secret                     for a device\n"
    "  engage kpn secret --destination --output kpn-doors.secret\n      for KPN's HTTPS destination"
)
@destination_option
@click.option("--output", type=FilePath, metavar="FILE", help="Write it into a new file that only you can read.")
def secret(destination: bool, output: Path | None) -> None:
    """Make a shared secret.

    A device's secret has letters and digits: KPN wants 30 to 100. A destination's secret also has special characters:
    KPN wants 32 or more in all. Without --output, the secret is printed alone.
    """
    made = new_secret(_kind(destination)).reveal()
    if output is None:
        click.echo(made)
        return
    write_new_file(output, made + b"\n", SECRET_MODE)
    click.echo(f"wrote {output}")
    if destination:
        print_next(f"enter it in KPN Things, and set secret_file = {str(output)!r} in links.toml")
    else:
        print_next(f"engage kpn device add IMEI --secret-file {output}")


@click.command(
    epilog="\b\nExamples:\n"
    "  engage kpn token body.json --secret-file door-7.secret\n"
    "  printf %s '[{...}]' | engage kpn token - --secret-file door-7.secret\n\n"
    "The same by other means: cat body.json door-7.secret | sha256sum, if the secret's file has no line end."
)
@click.argument("file", metavar="FILE")
@click.option("--secret-file", required=True, metavar="FILE", help="File with the secret. - reads standard input.")
@destination_option
def token(file: str, secret_file: str, destination: bool) -> None:
    """Print the message token of a body.

    It is the SHA-256 of the bytes of the body and the secret. Every byte of FILE counts, also a line end. - reads
    standard input. A line end of the secret's file does not count.
    """
    if file == secret_file == STANDARD_INPUT:
        raise UsageError("both the body and the secret are to come from standard input", "Name a file for one of them.")
    body = content_of(file, _MAX_BODY_BYTES)
    click.echo(message_token(body, secret_of(secret_file, _kind(destination))))
    if body.endswith(b"\n"):
        click.echo("the body ends with a line end, which is hashed, too: send it, or remove it", err=True)


def _kind(destination: bool) -> SecretKind:
    return SecretKind.DESTINATION if destination else SecretKind.DEVICE
