"""``engage m2u client-certificate``."""

import re
from datetime import datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from engage_server.cli.output import print_next
from engage_server.cli.parameters import MOST_DAYS, FilePath, read_passphrase_option
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import Conflict, UsageError
from engage_server.files import PUBLIC_MODE, SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.links.m2u.client_certificate import (
    DEFAULT_DAYS,
    DEFAULT_NAME,
    as_pkcs12,
    issue,
    new_authority,
)
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.pki.encodings import pem, read_certificates
from engage_server.pki.keys import private_key_pem, read_private_key
from engage_server.records import Secret

_AUTHORITY, _AUTHORITY_KEY = "m2u-ca.pem", "m2u-ca.key"
_MAX_PEM_BYTES = 64 * 1024
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_EXAMPLE = """\b
Examples:
  engage m2u client-certificate m2u --passphrase-file m2u.passphrase
  engage m2u client-certificate m2u --form pem

The folder gets m2u-ca.pem and m2u-ca.key once. Further certificates are issued by the same authority.
"""


@click.command("client-certificate", epilog=_EXAMPLE)
@click.argument("folder", type=FilePath, metavar="DIR")
@click.option(
    "--name", default=DEFAULT_NAME, show_default=True, metavar="NAME", help="Its common name, and its files'."
)
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=DEFAULT_DAYS, show_default=True, help="How long it is valid."
)
@click.option(
    "--form",  # "--format" chooses the form of reports
    "form",
    type=click.Choice(["pkcs12", "pem"]),
    default="pkcs12",
    show_default=True,
    help="pkcs12: one encrypted file. pem: certificate and key as two files, the key unencrypted.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Of the PKCS#12 file. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@click.pass_obj
def client_certificate(
    session: Session, folder: Path, name: str, days: int, form: str, passphrase_file: str | None
) -> None:
    """Issue the certificate that M2U presents to us.

    A small authority issues it, and nothing else. Its certificate is what client_ca_file of a host in links.toml names.
    The certificate is in addition to the login.

    The document does not say which form eCatcher takes. PKCS#12 is the default, because it is one file, and its key is
    never unencrypted on the way. Nobody has uploaded one yet: see docs/m2u.md.
    """
    if not _FILE_NAME.fullmatch(name):
        raise UsageError("the name cannot be the name of a file", "Use letters, digits, '.', '_' and '-'.")
    passphrase = _passphrase(session, form, passphrase_file)
    for path in _files(folder, name, form):  # before an authority is made that nobody would need
        if path.exists():
            raise Conflict(f"{path} exists already", "Choose another --name; nothing was changed.")
    make_folder(folder)
    authority, authority_key = _authority(folder, session.now())
    issued = issue(authority, authority_key, name, days, session.now())
    if passphrase is not None:
        (path,) = _files(folder, name, form)
        write_new_file(path, as_pkcs12(issued, authority, passphrase), SECRET_MODE)
    else:
        certificate_file, key_file = _files(folder, name, form)
        write_new_file(key_file, private_key_pem(issued.key).reveal(), SECRET_MODE)
        write_new_file(certificate_file, pem([issued.certificate]), PUBLIC_MODE)
    for path in _files(folder, name, form):
        click.echo(f"wrote {path}")
    click.echo(f"valid until {issued.certificate.not_valid_after_utc:%Y-%m-%d}, issued by {folder / _AUTHORITY}")
    click.echo('in links.toml, in the host\'s table: client_certificates = "optional"')
    click.echo(f'                                    client_ca_file = "{(session.folder / folder / _AUTHORITY)}"')
    print_next("upload it in eCatcher: Account, M2U")


def _passphrase(session: Session, form: str, file: str | None) -> Secret | None:
    if form == "pem":
        if file is not None:
            raise UsageError("--passphrase-file is for PKCS#12", "Leave it out, or use --form pkcs12.")
        return None
    passphrase = read_passphrase_option(session, file)
    if passphrase is None:
        raise UsageError(
            "a PKCS#12 file needs a passphrase", "Give --passphrase-file FILE, or - to read standard input."
        )
    return passphrase


def _files(folder: Path, name: str, form: str) -> tuple[Path, ...]:
    return (folder / f"{name}.p12",) if form == "pkcs12" else (folder / f"{name}.pem", folder / f"{name}.key")


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, PrivateKeyTypes]:
    """Read the authority in a folder, or make one."""
    certificate_file, key_file = folder / _AUTHORITY, folder / _AUTHORITY_KEY
    if not certificate_file.exists() and not key_file.exists():
        made = new_authority(now)
        write_new_file(key_file, private_key_pem(made.key).reveal(), SECRET_MODE)
        write_new_file(certificate_file, pem([made.certificate]), PUBLIC_MODE)
    content = read_file(certificate_file, limit=_MAX_PEM_BYTES)
    key = read_private_key(read_secret_file(key_file, limit=_MAX_PEM_BYTES), source=str(key_file))
    return read_certificates(content, source=str(certificate_file))[0], key
