"""Finds the keys of a chain's CAs in the folders where chains were built."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import EngageError, PrivateKeyInvalid
from engage_server.files import read_file
from engage_server.pki import encodings, keys
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.succession import AuthorityKeys
from engage_server.records import Secret
from engage_server.services.chains.folder import INTERMEDIATE, ROOT

_MAX_FILE_BYTES = 1 << 20
_DEPTH = 3  # certs/SITE, certs/ROTATION/next


@dataclass(frozen=True, slots=True)
class FoundAuthority:
    """The keys that were found.

    Attributes:
        keys: The keys that could be decrypted.
        locked: The files of other keys, which cannot be decrypted with the passphrase (or without one).
    """

    keys: AuthorityKeys = field(repr=False)
    locked: tuple[Path, ...]

    @property
    def at_hand(self) -> frozenset[str]:
        """The roles whose keys could be decrypted: ``root``, ``intermediate``, or both."""
        found = {"root": self.keys.root, "intermediate": self.keys.intermediate}
        return frozenset(name for name, key in found.items() if key is not None)


def find_authority(folder: Path, chain: Chain, passphrase: Secret | None) -> FoundAuthority:
    """Search a folder and the folders in it for the keys of a chain's CAs. Keys of other CAs are ignored.

    Args:
        folder: A folder such as ``certs``, or one chain's folder; may be missing.
        chain: The chain.
        passphrase: Decrypts encrypted keys.
    """
    wanted = {"root": chain.root, "intermediate": chain.intermediates[0] if chain.intermediates else None}
    found: dict[str, rsa.RSAPrivateKey] = {}
    locked: list[Path] = []
    for certificate, key_file in _pairs(folder):
        for name, ca in wanted.items():
            if ca is None or name in found or certificate.public_key() != ca.public_key():
                continue
            try:
                content = Secret(read_file(key_file, limit=_MAX_FILE_BYTES))
                key = keys.read_private_key(content, passphrase, source=str(key_file))
            except PrivateKeyInvalid:
                locked.append(key_file)
                continue
            if isinstance(key, rsa.RSAPrivateKey) and keys.keys_match(key, ca.public_key()):
                found[name] = key
    opened = AuthorityKeys(found.get("root"), found.get("intermediate"))
    return FoundAuthority(opened, tuple(dict.fromkeys(locked)))


def authority_key_files(folder: Path) -> list[Path]:
    """The files with keys of CAs, in a folder and the folders in it, whether they can be decrypted or not."""
    named = [path / f"{name}.key" for path in chain_folders(folder) for name in (ROOT, INTERMEDIATE)]
    return [path for path in named if path.is_file()]


def _pairs(folder: Path) -> Iterator[tuple[x509.Certificate, Path]]:
    """Each CA certificate with a key file next to it. Files that cannot be read are skipped."""
    for path in chain_folders(folder):
        for name in (ROOT, INTERMEDIATE):
            key_file = path / f"{name}.key"
            for certificate_file in (path / f"{name}.pem", path / f"{name}.der"):
                try:
                    if key_file.is_file() and certificate_file.is_file():
                        content = read_file(certificate_file, limit=_MAX_FILE_BYTES)
                        yield encodings.read_certificates(content, source=str(certificate_file))[0], key_file
                        break
                except (EngageError, OSError):
                    continue


def chain_folders(folder: Path, depth: int = _DEPTH) -> Iterator[Path]:
    """A folder such as ``certs``, and the folders in it, as deep as chains are written. None if it cannot be read."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return
    yield folder
    if depth > 1:
        for path in inside:
            yield from chain_folders(path, depth - 1)
