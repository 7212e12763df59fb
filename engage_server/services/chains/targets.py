"""Reads the targets of ``engage chain check``: files and folders, one chain at a time."""

import errno
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from engage_server.errors import ContentNotUsable, FileNotUsable
from engage_server.pki.containers.instead import key_alone
from engage_server.pki.keys import keys_match
from engage_server.pki.paths.bundle import Bundle
from engage_server.pki.paths.path import find_path
from engage_server.records import Secret
from engage_server.services.chains.grouping import FileGroup, as_sent, groups_below
from engage_server.services.chains.held_files import MAX_CERTIFICATES, HeldFile, held_in, look_into, shown
from engage_server.shown_text import without_user

__all__ = ["MAX_CERTIFICATES", "CheckTarget", "groups_of", "read_target"]

_STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """One chain to check.

    Attributes:
        name: The name in reports: a path, with forward slashes.
        certificates: The certificates in the order in which they were found. At least one.
        held: The files with these certificates, and with the keys next to them.
        sent: The certificates that a TLS server would send, in its order; None if unknown.
        served: The name of the file that is sent; "" if unknown.
        server_key: The private key that the server would use; None if there is none.
        key_file: The name of the file with this key; "" if there is none.
        files: The file in which each certificate was found, with forward slashes.
    """

    name: str
    certificates: tuple[x509.Certificate, ...]
    held: tuple[HeldFile, ...] = ()
    sent: tuple[x509.Certificate, ...] | None = None
    served: str = ""
    server_key: PrivateKeyTypes | None = field(default=None, repr=False)
    key_file: str = ""
    files: Mapping[x509.Certificate, str] = field(default_factory=dict)


def groups_of(path: Path, passphrase: Secret | None = None) -> Iterator[FileGroup]:
    """The chains at a path: the chain of a file, or each chain in a folder, by name.

    Args:
        path: A file or a folder.
        passphrase: Decrypts PKCS#12 files and encrypted keys.

    Raises:
        FileNotUsable: There is no such file or folder, or it cannot be read.
    """
    if stat.S_ISDIR(_mode(path)):
        return groups_below(path, passphrase)
    file = look_into(path, passphrase)
    return iter((FileGroup(path, (file,), as_sent(file)),))


def no_input() -> bytes:
    """Standard input where there is none.

    Raises:
        FileNotUsable: Always.
    """
    raise FileNotUsable("there is no standard input", "Name a file.")


def groups_at(path: Path, passphrase: Secret | None, standard_input: Callable[[], bytes]) -> Iterator[FileGroup]:
    """The same for ``-``, too: the chain that standard input holds. It can be read once.

    Raises:
        FileNotUsable: As :func:`groups_of`, or standard input is too long.
    """
    if path != _STANDARD_INPUT:
        return groups_of(path, passphrase)
    file = held_in(standard_input(), path, passphrase)
    return iter((FileGroup(path, (file,), as_sent(file)),))


_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        if isinstance(error, OSError) and error.errno not in _NOT_THERE:  # such as links in a circle
            sentence, step = f"it cannot be read: {error.strerror or error}", "Fix that, or name another one."
        else:
            sentence, step = "no such file or folder", "Name a file or folder that exists."
    raise FileNotUsable(f"{without_user(shown(path))}: {sentence}", step)


def read_target(group: FileGroup) -> CheckTarget:
    """Combine the contents of the files of one chain.

    Raises:
        FileNotUsable: A file cannot be read, or is far too long.
        ContentNotUsable: A file has other contents, or there is no certificate, or there are too many.
    """
    for file in group.files:
        if file.error is not None and not (file.is_beside_the_point and len(group.files) > 1):
            raise file.error
    bundle = sum((file.bundle for file in group.files), Bundle())
    name = shown(group.name)
    if not bundle.certificates:
        raise key_alone(name) if bundle.has_keys else ContentNotUsable(f"{name}: there is no certificate in it", _NAME)
    if len(bundle.certificates) > MAX_CERTIFICATES:
        raise ContentNotUsable(
            f"{name}: there are {len(bundle.certificates)} certificates in it, far more than in a chain",
            "Name the file of one chain. A bundle of public roots is not a chain.",
            code="certificate.invalid",
        )
    found_in = {each: shown(file.path) for file in reversed(group.files) for each in file.bundle.certificates}
    served, key = group.served, _server_key(bundle)
    return CheckTarget(
        name,
        bundle.certificates,
        group.files,
        served.bundle.certificates if served else None,
        served.path.name if served else "",
        key,
        next((shown(file.path) for file in group.files if key in file.bundle.keys), ""),
        found_in,
    )


def no_chain_in(folder: Path) -> ContentNotUsable:
    """The error for a folder without a chain. Keys and requests alone are not a chain."""
    return ContentNotUsable(f"{shown(folder)}: there is no chain in it", "Name a folder or file with certificates.")


_NAME = "Name a file or folder with a chain."


def _server_key(bundle: Bundle) -> PrivateKeyTypes | None:
    """The key that the server would use: the server certificate's, otherwise one that belongs to no certificate."""
    path = find_path(bundle.certificates).path
    strangers = []
    for key in bundle.keys:
        owners = [certificate for certificate in path if keys_match(key, certificate.public_key())]
        if path[0] in owners:
            return key
        if not owners:
            strangers.append(key)
    return strangers[0] if strangers else None
