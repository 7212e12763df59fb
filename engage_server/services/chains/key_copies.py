"""Finds files that hold the private key of a certificate, such as a copy that stays when a release is retired."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.errors import EngageError
from engage_server.pki.keys import keys_match
from engage_server.services.chains.authority import chain_folders
from engage_server.services.chains.held_files import files_of, look_into

_MOST_FILES = 2000


def key_copies(folder: Path, public: PublicKeyTypes) -> tuple[Path, ...]:
    """The files in a folder, and in the folders in it, that hold this private key and open without a passphrase.

    A file that is encrypted or cannot be read is skipped. So an empty answer does not prove that no copy exists.

    Args:
        folder: A folder such as ``certs``; may be missing.
        public: The public key of the private key that is searched.
    """
    found = []
    for path in islice(_files(folder), _MOST_FILES):
        if any(keys_match(key, public) for key in look_into(path, None).bundle.keys):
            found.append(path)
    return tuple(found)


def _files(folder: Path) -> Iterator[Path]:
    for each in chain_folders(folder):
        with suppress(EngageError):
            yield from files_of(each)
