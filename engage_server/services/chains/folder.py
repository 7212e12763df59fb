"""A chain as a folder of files, with the file names of the vendor's page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain as chained
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from engage_server.errors import CertificateInvalid, Conflict, FileNotUsable
from engage_server.files import PUBLIC_MODE, SECRET_MODE, read_file, write_new_folder
from engage_server.pki import encodings, keys
from engage_server.pki.chain import Chain
from engage_server.pki.issuing.authority import BuiltChain
from engage_server.pki.issuing.succession import AuthorityKeys, Successor
from engage_server.pki.paths.bundle import read_bundle
from engage_server.pki.paths.path import arrange
from engage_server.protocol.site_key import anchor_hash
from engage_server.records import Secret

ROOT = "partner_CA"
INTERMEDIATE = "partner_intermediate"
SERVER = "partner_server"

SUCCESSOR_TITLES = ("transition", "next")  # in the order in which they are served

_MAX_FILE_BYTES = 1 << 20
_MAX_DER_FILE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ChainMaterial:
    """A chain and the private key of its server certificate, from :func:`read_chain_folder`.

    It is **not** known whether the key belongs to the certificate. The checks find out.
    """

    chain: Chain
    server_key: rsa.RSAPrivateKey = field(repr=False)


def assert_free(folder: Path) -> None:
    """Refuse a folder that is not empty, before keys are made.

    Raises:
        Conflict: It contains a chain, or something else.
        FileNotUsable: It cannot be read.
    """
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise FileNotUsable(f"{folder}: {error.strerror}", "Name a folder that is writable.") from None
    if not names:
        return
    what = "a chain" if any(name.startswith("partner_") for name in names) else "other files"
    raise Conflict(
        f"{folder} already contains {what}. Devices may trust it, so nothing in it is replaced",
        f"Name a new folder, such as {free_folder(folder)}.",
        code="chain.exists",
    )


def free_folder(folder: Path) -> Path:
    """The folder itself, or the first beside it that does not exist, such as ``main-2``."""
    beside = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(each for each in chained([folder], beside) if not each.exists())


def write_chain_folder(folder: Path, built: BuiltChain, passphrase: Secret | None) -> None:
    """Write all files of a new chain, or none.

    Args:
        folder: A new or empty folder.
        built: The chain and its keys.
        passphrase: Encrypts the keys of root and intermediate. The server's key is never encrypted, because servers
            start without an operator.

    Raises:
        Conflict: The folder is not empty.
        FileNotUsable: It cannot be written.
    """
    assert_free(folder)
    authority = AuthorityKeys(built.root_key, built.intermediate_key)
    write_new_folder(folder, _files(built.chain, built.server_key, authority, passphrase))


def write_successors(folder: Path, successors: Sequence[Successor], before: Chain, passphrase: Secret | None) -> None:
    """Write the chains of a rotation, each into a folder with its title below this one; all of them or none.

    Keys of CAs that already existed are not copied. They stay where they are.

    Args:
        folder: A new or empty folder.
        successors: The chains.
        before: The chain that they follow.
        passphrase: Encrypts the keys of new CAs.

    Raises:
        Conflict: The folder is not empty.
        FileNotUsable: It cannot be written.
    """
    assert_free(folder)
    known = [certificate.public_key() for certificate in before]
    files: dict[str, tuple[bytes, int]] = {}
    for successor in successors:
        fresh = AuthorityKeys(
            *(_if_new(key, known) for key in (successor.authority.root, successor.authority.intermediate))
        )
        found = _files(successor.chain, successor.server_key, fresh, passphrase)
        files |= {f"{successor.title}/{name}": content for name, content in found.items()}
    write_new_folder(folder, files)


def read_successors(folder: Path) -> list[tuple[str, "ChainMaterial"]]:
    """Read what :func:`write_successors` wrote, in the order in which the chains are served.

    Raises:
        FileNotUsable: A file is missing or unreadable.
        CertificateInvalid: A file has no certificate, or they are not a chain.
        PrivateKeyInvalid: A server's key cannot be used.
    """
    titles = [title for title in SUCCESSOR_TITLES if (folder / title).is_dir()]
    if not titles:
        raise FileNotUsable(f"{folder} has no chains of a rotation", "Name the folder that 'engage chain renew' wrote.")
    return [(title, read_chain_folder(folder / title)) for title in titles]


def _if_new(key: rsa.RSAPrivateKey | None, known: Sequence[PublicKeyTypes]) -> rsa.RSAPrivateKey | None:
    return None if key is None or key.public_key() in known else key


def _files(
    chain: Chain, server_key: rsa.RSAPrivateKey, authority: AuthorityKeys, passphrase: Secret | None
) -> dict[str, tuple[bytes, int]]:
    files: dict[str, tuple[bytes, int]] = {}
    above = [(ROOT, chain.root, authority.root)]
    if chain.intermediates:
        above.append((INTERMEDIATE, chain.intermediates[0], authority.intermediate))
    for name, certificate, key in above:
        files[f"{name}.pem"] = (encodings.pem([certificate]), PUBLIC_MODE)
        files[f"{name}.der"] = (encodings.der(certificate), PUBLIC_MODE)
        if key is not None:
            files[f"{name}.key"] = (keys.private_key_pem(key, passphrase).reveal(), SECRET_MODE)
    files[f"{SERVER}.pem"] = (encodings.pem(chain.sent), PUBLIC_MODE)
    files[f"{SERVER}.key"] = (keys.private_key_pem(server_key).reveal(), SECRET_MODE)
    return files


def read_chain_folder(folder: Path, passphrase: Secret | None = None) -> ChainMaterial:
    """Read a chain that was built here, or a chain of an outside CA with the same file names.

    ``partner_server.pem`` may contain only the server certificate, as in the vendor's sample, if
    ``partner_intermediate`` is next to it.

    Args:
        folder: The folder of the chain.
        passphrase: Decrypts an encrypted server key.

    Raises:
        FileNotUsable: A file is missing or unreadable.
        CertificateInvalid: A file has no certificate, or they are not a chain.
        PrivateKeyInvalid: The server's key cannot be decrypted, is unreadable or not RSA.
    """
    if not folder.is_dir():
        raise FileNotUsable(f"{folder} is not a folder", "Name the folder that 'engage chain build' wrote.")
    certificates: list[x509.Certificate] = []
    for name in (ROOT, INTERMEDIATE, SERVER):
        certificates += _read_either(folder, name, required=name != INTERMEDIATE)
    key_file = folder / f"{SERVER}.key"
    server_key = keys.read_server_key(
        Secret(read_file(key_file, limit=_MAX_FILE_BYTES)), passphrase, source=str(key_file)
    )
    try:
        chain = arrange(certificates)
    except CertificateInvalid as error:
        raise CertificateInvalid(f"{folder}: {error.sentence}", error.next_step) from None
    return ChainMaterial(chain, server_key)


def hash_der_file(path: Path, key: Secret) -> str:
    """Base64(HMAC-SHA1(site key, DER)) of a certificate file, over exactly its bytes.

    Raises:
        FileNotUsable: It cannot be read.
        CertificateInvalid: It is not one certificate in DER, so devices would drop it.
    """
    content = read_file(path, limit=_MAX_DER_FILE_BYTES)
    encodings.read_der(content, source=str(path))
    return anchor_hash(key, content)


def _read_either(folder: Path, name: str, *, required: bool) -> list[x509.Certificate]:
    for path in (folder / f"{name}.pem", folder / f"{name}.der"):
        if path.exists():
            return list(read_bundle(read_file(path, limit=_MAX_FILE_BYTES), source=str(path)).certificates)
    if not required:
        return []
    raise FileNotUsable(
        f"{folder}: {name}.pem is missing", "A chain folder has partner_CA, partner_intermediate and partner_server."
    )
