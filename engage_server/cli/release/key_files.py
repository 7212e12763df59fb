"""What still holds the private key of a release, after it was destroyed in the database."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.session import Session
from engage_server.records import Release
from engage_server.services.chains.key_copies import key_copies
from engage_server.services.releases.lifecycle import chain_of

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide


@dataclass(frozen=True, slots=True)
class LeftKey:
    """Where the private key of a release is left.

    Attributes:
        files: The files in the setting ``certs_dir`` that hold it. Encrypted files are not found. Empty if another
            release needs the key: its files stay.
        releases: The other releases that have the same key and keep it, such as the next chain of the same rotation.
    """

    files: tuple[Path, ...]
    releases: tuple[Release, ...]

    def as_json(self) -> dict[str, Any]:
        """The keys that a command adds to its JSON."""
        shared = [{"site": each.site, "release": each.number} for each in self.releases]
        return {"key_files": [str(path) for path in self.files], "key_kept_by": shared}

    def print(self) -> None:
        """Name each on standard error."""
        for each in self.releases:
            click.echo(
                f"warning: release {each.number} of {each.site} has the same private key, and keeps it", err=True
            )
        for file in self.files:
            click.echo(f"warning: {file} still holds the same private key", err=True)

    def next_or(self, otherwise: str) -> str:
        """The command that removes the files, if there are any."""
        return f"rm {' '.join(shlex.quote(str(file)) for file in self.files)}" if self.files else otherwise


def left_key(session: Session, operator: "OperatorSide", release: Release) -> LeftKey:
    """Search for what holds the key of a release besides itself."""
    keeping = tuple(each for each in operator.releases.sharing_key(release) if each.key_destroyed_at is None)
    public = chain_of(release).server.public_key()
    return LeftKey(() if keeping else key_copies(session.settings().certs_dir, public), keeping)


def retired_owners(operator: "OperatorSide", release: Release) -> list[Release]:
    """The releases that were retired for good with the key of this one, if no other release has kept the key."""
    sharing = operator.releases.sharing_key(release)
    return sharing if all(each.key_destroyed_at is not None for each in sharing) else []
