"""Files as the check finds them: what each holds, or why nothing can be read in it."""

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

# finding a path among n certificates of one name takes up to n cubed signatures: 32 are done within a second
MAX_CERTIFICATES = 32


@dataclass(frozen=True, slots=True)
class HeldFile:
    """One file that was looked into.

    Attributes:
        path: Which.
        bundle: What it holds; nothing when it could not be read.
        error: Why it could not be read, or None.
    """

    path: Path
    bundle: Bundle = field(default_factory=Bundle)
    error: EngageError | None = None

    @property
    def is_beside_the_point(self) -> bool:
        """Whether it is a request or a CRL: nothing of a chain, and nothing wrong."""
        return self.error is not None and self.error.code in NO_CHAIN

    @property
    def is_key_alone(self) -> bool:
        """Whether it holds private keys, and no certificate."""
        return self.error is None and not self.bundle.certificates

    @property
    def holds_several(self) -> bool:
        """Whether there is more than one certificate in it."""
        return len(set(self.bundle.certificates)) > 1

    @property
    def is_a_heap(self) -> bool:
        """Whether there are more certificates in it than any chain has."""
        return len(self.bundle.certificates) > MAX_CERTIFICATES

    def end(self) -> x509.Certificate | None:
        """The server certificate in it; None when all its certificates are of CAs, or they are too many to look at."""
        if not self.bundle.certificates or self.is_a_heap:
            return None
        end = find_path(self.bundle.certificates).path[0]
        return None if _is_authority(end) else end


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return (constraints is not None and constraints.ca) or is_self_issued(certificate)


def look_into(path: Path, passphrase: Secret | None) -> HeldFile:
    """Read one file. Never raises one of our errors: what stands in the way is told with the file."""
    try:
        content = read_file(path, limit=MAX_FILE_BYTES)
    except EngageError as error:
        return HeldFile(path, error=error)
    return held_in(content, path, passphrase)


def held_in(content: bytes, path: Path, passphrase: Secret | None) -> HeldFile:
    """The same of content that was read already."""
    try:
        return HeldFile(path, read_bundle(content, source=shown(path), passphrase=passphrase))
    except EngageError as error:
        return HeldFile(path, error=error)


def files_of(folder: Path) -> list[Path]:
    """The files in a folder whose names say that certificates or keys are in them, by name.

    Raises:
        FileNotUsable: The folder cannot be looked into.
    """
    return [path for path in entries_of(folder) if path.suffix.lower() in SUFFIXES and _is(path.is_file, unknown=True)]


def entries_of(folder: Path) -> list[Path]:
    """Everything in a folder, by name.

    Raises:
        FileNotUsable: It cannot be looked into.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise FileNotUsable(
            f"{shown(folder)}: this folder cannot be looked into: {error.strerror or error}",
            "Let this user read it, or name the files themselves.",
        ) from None


def folders_of(entries: list[Path]) -> Iterator[Path]:
    """The folders among them, but for hidden ones, which hold those of others, and links, which lead in circles."""
    visible = (each for each in entries if not each.name.startswith("."))
    return (each for each in visible if _is(each.is_dir, unknown=False) and not each.is_symlink())


def _is(kind: Callable[[], bool], *, unknown: bool) -> bool:
    """What kind of entry it is; where this user may not even ask, reading it tells why."""
    try:
        return kind()
    except OSError:
        return unknown


def shown(path: Path) -> str:
    """A path as it is reported: with forward slashes, and without bytes that are no text."""
    return as_text(path.as_posix())


def as_text(name: str) -> str:
    """A text with a file's name in it, without bytes that are none: no report could be written with them."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
