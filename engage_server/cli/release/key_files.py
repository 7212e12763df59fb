"""The files that still hold the private key of a release, after it was destroyed in the database."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from engage_server.cli.session import Session
from engage_server.records import Release
from engage_server.services.chains.key_copies import key_copies
from engage_server.services.releases.lifecycle import chain_of


def left_copies(session: Session, release: Release) -> tuple[Path, ...]:
    """The files in the setting ``certs_dir`` with the key of a release. Encrypted files are not found."""
    return key_copies(session.settings().certs_dir, chain_of(release).server.public_key())


def print_left(files: Sequence[Path]) -> None:
    """Name each file that still holds the key."""
    for file in files:
        click.echo(f"warning: {file} still holds the same private key", err=True)


def next_after(files: Sequence[Path], otherwise: str) -> str:
    """The command that removes the files, if there are any."""
    return f"rm {' '.join(shlex.quote(str(file)) for file in files)}" if files else otherwise
