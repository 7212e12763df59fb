"""Reads files for the check: the certificates and keys in each file, or why it cannot be read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from engage_server.errors import EngageError, FileNotUsable
from engage_server.files import read_file
from engage_server.pki.chain import is_self_issued
from engage_server.pki.containers.instead import NO_CHAIN
from engage_server.pki.extensions import extension
from engage_server.pki.paths.bundle import Bundle, read_bundle
from engage_server.pki.paths.path import find_path
from engage_server.records import Secret

SUFFIXES = {
    *(".pem", ".crt", ".cer", ".der", ".cert", ".key"),
    *(".p7b", ".p7c", ".p7s", ".spc", ".p12", ".pfx"),
}
MAX_FILE_BYTES = 4 << 20

# finding a path among n certificates of one name takes up to n cubed signature checks: 32 take less than a second
MAX_CERTIFICATES = 32


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One file that was read.

    Attributes:
        path: The path of the file.
        bundle: Its contents; empty if it cannot be read.
        error: Why it cannot be read, or None.
    """

    path: Path
    bundle: Bundle = field(default_factory=Bundle)
    error: EngageError | None = None

    @property
    def is_beside_the_point(self) -> bool:
        """Whether it is a request or a CRL, which is not part of a chain and not a fault."""
        return self.error is not None and self.error.code in NO_CHAIN

    @property
    def is_key_alone(self) -> bool:
        """Whether it contains private keys, but no certificate."""
        return self.error is None and not self.bundle.certificates

    @property
    def holds_several(self) -> bool:
        """Whether it contains more than one certificate."""
        return len(set(self.bundle.certificates)) > 1

    @property
    def is_a_heap(self) -> bool:
        """Whether it contains more certificates than any chain has."""
        return len(self.bundle.certificates) > MAX_CERTIFICATES

    def end(self) -> x509.Certificate | None:
        """The server certificate in it; None if all its certificates belong to CAs, or there are too many."""
        if not self.bundle.certificates or self.is_a_heap:
            return None
        end = find_path(self.bundle.certificates).path[0]
        return None if _is_authority(end) else end


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return (constraints is not None and constraints.ca) or is_self_issued(certificate)


def look_into(path: Path, passphrase: Secret | None) -> HeldFile:
    """Read one file. Never raises one of our errors: the result has the error instead."""
    try:
        content = read_file(path, limit=MAX_FILE_BYTES)
    except EngageError as error:
        return HeldFile(path, error=error)
    return held_in(content, path, passphrase)


def held_in(content: bytes, path: Path, passphrase: Secret | None) -> HeldFile:
    """The same for content that was already read."""
    try:
        return HeldFile(path, read_bundle(content, source=shown(path), passphrase=passphrase))
    except EngageError as error:
        return HeldFile(path, error=error)


def files_of(folder: Path) -> list[Path]:
    """The files in a folder whose suffixes stand for certificates or keys, by name.

    Raises:
        FileNotUsable: The folder cannot be read.
    """
    return [path for path in entries_of(folder) if path.suffix.lower() in SUFFIXES and _is(path.is_file, unknown=True)]


def entries_of(folder: Path) -> list[Path]:
    """All entries of a folder, by name.

    Raises:
        FileNotUsable: It cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise FileNotUsable(
            f"{shown(folder)}: this folder cannot be read: {error.strerror or error}",
            "Let this user read it, or name the files themselves.",
        ) from None


def folders_of(entries: list[Path]) -> Iterator[Path]:
    """The folders among entries, except hidden ones, which have entries of others, and links, which may be circular."""
    visible = (each for each in entries if not each.name.startswith("."))
    return (each for each in visible if _is(each.is_dir, unknown=False) and not each.is_symlink())


def _is(kind: Callable[[], bool], *, unknown: bool) -> bool:
    """Ask the kind of an entry. If this user may not even ask, reading it later reports the reason."""
    try:
        return kind()
    except OSError:
        return unknown


def shown(path: Path) -> str:
    """A path as it is reported: with forward slashes, and without bytes that are not text."""
    return as_text(path.as_posix())


def as_text(name: str) -> str:
    """A text with a file's name in it, without bytes that are not text, which no report could contain."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
