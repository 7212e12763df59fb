"""What ``engage chain check`` is pointed at, found and read: files and folders, one target at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.errors import CertificateInvalid, FileNotUsable
from engage_server.files import read_file
from engage_server.pki.bundle import Bundle, read_bundle
from engage_server.pki.keys import keys_match
from engage_server.pki.path import find_path
from engage_server.records import Secret
from engage_server.services.chains.folder import SERVER

_SUFFIXES = {".pem", ".crt", ".cer", ".der", ".key", ".p7b", ".p7c", ".p12", ".pfx"}
_SINGLE_SUFFIXES = {".pem", ".crt", ".cer", ".der", ".key"}  # the others hold a whole chain
_MAX_FILE_BYTES = 4 << 20

# finding a path among n certificates of one name takes up to n cubed signatures: 32 are done within a second
MAX_CERTIFICATES = 32


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """One chain to be checked.

    Attributes:
        name: As it is reported: a path, with forward slashes.
        certificates: In the order in which they were found. May be empty.
        sent: What a TLS server would send, in its order; None when that is not known.
        server_key: The public half of the private key beside it; None when there is none.
        files: The file in which each certificate was found, with forward slashes.
    """

    name: str
    certificates: tuple[x509.Certificate, ...]
    sent: tuple[x509.Certificate, ...] | None = None
    server_key: PublicKeyTypes | None = field(default=None, repr=False)
    files: Mapping[x509.Certificate, str] = field(default_factory=dict)


def names_of_targets(path: Path) -> Iterator[Path]:
    """The targets that a path stands for: itself, or, for a folder of chains, each of them, by name.

    A folder that holds files named ``partner_...``, or a few certificates of which each file holds one, is one chain.
    In any other folder each certificate file and each folder is a target of its own, but for links and what is hidden.

    Raises:
        FileNotUsable: There is no such file or folder.
    """
    if not path.exists():
        raise FileNotUsable(f"{path}: no such file or folder", "Name a file, a folder, or https://HOST.")
    if not path.is_dir() or _is_one_chain(path):
        yield path
        return
    for below in sorted(path.iterdir()):
        if below.name.startswith(".") or below.is_symlink():
            continue  # environments and repositories hold certificates of others; a link may lead in a circle
        if below.is_dir():
            yield from names_of_targets(below)
        elif below.suffix.lower() in _SUFFIXES - {".key"}:
            yield below


def read_target(path: Path, passphrase: Secret | None = None) -> CheckTarget:
    """Read one target.

    Args:
        path: A file, or a folder that is one chain.
        passphrase: For PKCS#12 and encrypted keys.

    Raises:
        FileNotUsable: It can not be read, or is far too long.
        CertificateInvalid: It holds no certificate.
    """
    files = _files_of(path) if path.is_dir() else [path]
    held = {file: _read(file, passphrase) for file in files}
    bundle = sum(held.values(), Bundle())
    if not bundle.certificates:
        raise CertificateInvalid(f"{path}: there is no certificate in it", "Name a file or folder with a chain.")
    if len(bundle.certificates) > MAX_CERTIFICATES:
        raise CertificateInvalid(
            f"{path}: there are {len(bundle.certificates)} certificates in it; a chain has a handful",
            "Name the file of one chain: a bundle of public roots is none.",
        )
    sent = next((b.certificates for file, b in held.items() if file.name == f"{SERVER}.pem"), None)
    found_in = {each: file.as_posix() for file, b in reversed(held.items()) for each in b.certificates}
    return CheckTarget(path.as_posix(), bundle.certificates, sent, _server_key(bundle), found_in)


def _server_key(bundle: Bundle) -> PublicKeyTypes | None:
    """The key that the server would use: the server certificate's if it is there, else one that belongs to nobody."""
    path = find_path(bundle.certificates).path
    strangers = []
    for key in bundle.keys:
        owners = [certificate for certificate in path if keys_match(key, certificate.public_key())]
        if path[0] in owners:
            return key.public_key()
        if not owners:
            strangers.append(key.public_key())
    return strangers[0] if strangers else None


def _is_one_chain(folder: Path) -> bool:
    files = _files_of(folder)
    if any(file.name.startswith("partner_") for file in files):
        return True
    return 0 < len(files) <= MAX_CERTIFICATES and all(_holds_at_most_one(file) for file in files)


def _holds_at_most_one(file: Path) -> bool:
    if file.suffix.lower() not in _SINGLE_SUFFIXES:
        return False
    return read_file(file, limit=_MAX_FILE_BYTES).count(b"-----BEGIN CERTIFICATE-----") <= 1


def _files_of(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES and file.is_file())


def _read(file: Path, passphrase: Secret | None) -> Bundle:
    content = read_file(file, limit=_MAX_FILE_BYTES)
    return read_bundle(content, source=file.as_posix(), passphrase=passphrase)
