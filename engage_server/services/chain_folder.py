"""A chain as a folder of files, under the names that readers of the vendor's page know."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import CertificateInvalid, Conflict, FileNotUsable
from engage_server.pki import encodings, keys
from engage_server.pki.authority import BuiltChain
from engage_server.pki.chain import Chain
from engage_server.pki.path import arrange
from engage_server.records import Secret
from engage_server.services.durable_files import PUBLIC_MODE, SECRET_MODE, read_file, write_new_folder

ROOT = "partner_CA"
INTERMEDIATE = "partner_intermediate"
SERVER = "partner_server"

_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ChainMaterial:
    """A chain and the private key of its server certificate, from :func:`read_chain_folder`.

    That the key belongs to the certificate is **not** known; the checks find out.
    """

    chain: Chain
    server_key: rsa.RSAPrivateKey = field(repr=False)


def assert_free(folder: Path) -> None:
    """Refuse a folder that holds anything, before the work of making keys is done.

    Raises:
        Conflict: It holds a chain, or something else.
        FileNotUsable: It can not be looked into.
    """
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise FileNotUsable(f"{folder}: {error.strerror}", "Name a folder that can be written.") from None
    if not names:
        return
    what = "a chain" if any(name.startswith("partner_") for name in names) else "other files"
    raise Conflict(
        f"{folder} holds {what} already; devices may trust it, so nothing in it is replaced",
        f"Name a new folder, such as {folder}-2.",
        code="chain.exists",
    )


def write_chain_folder(folder: Path, built: BuiltChain, passphrase: Secret | None) -> None:
    """Write all files of a fresh chain, or none.

    Args:
        folder: New or empty.
        built: Chain and keys.
        passphrase: Encrypts the keys of root and intermediate. The server's key never is: servers start alone.

    Raises:
        Conflict: The folder holds something.
        FileNotUsable: It can not be written.
    """
    assert_free(folder)
    chain = built.chain
    files: dict[str, tuple[bytes, int]] = {}
    for name, certificate, key in (
        (ROOT, chain.root, built.root_key),
        (INTERMEDIATE, chain.intermediates[0], built.intermediate_key),
    ):
        files[f"{name}.pem"] = (encodings.pem([certificate]), PUBLIC_MODE)
        files[f"{name}.der"] = (encodings.der(certificate), PUBLIC_MODE)
        files[f"{name}.key"] = (keys.private_key_pem(key, passphrase).reveal(), SECRET_MODE)
    files[f"{SERVER}.pem"] = (encodings.pem(chain.sent), PUBLIC_MODE)
    files[f"{SERVER}.key"] = (keys.private_key_pem(built.server_key).reveal(), SECRET_MODE)
    write_new_folder(folder, files)


def read_chain_folder(folder: Path) -> ChainMaterial:
    """Read a chain that was built here, or one of an outside CA under the same names.

    ``partner_server.pem`` may hold the server certificate alone, as in the vendor's sample, if
    ``partner_intermediate`` lies beside it.

    Raises:
        FileNotUsable: A file is missing or unreadable.
        CertificateInvalid: A file holds no certificate, or they form no chain.
        PrivateKeyInvalid: The server's key is encrypted, unreadable or not RSA.
    """
    if not folder.is_dir():
        raise FileNotUsable(f"{folder} is not a folder", "Name the folder that 'engage chain build' wrote.")
    certificates: list[x509.Certificate] = []
    for name in (ROOT, INTERMEDIATE, SERVER):
        certificates += _read_either(folder, name, required=name != INTERMEDIATE)
    key_file = folder / f"{SERVER}.key"
    server_key = keys.read_server_key(Secret(read_file(key_file, limit=_MAX_FILE_BYTES)), source=str(key_file))
    try:
        chain = arrange(certificates)
    except CertificateInvalid as error:
        raise CertificateInvalid(f"{folder}: {error.sentence}", error.next_step) from None
    return ChainMaterial(chain, server_key)


def _read_either(folder: Path, name: str, *, required: bool) -> list[x509.Certificate]:
    for path in (folder / f"{name}.pem", folder / f"{name}.der"):
        if path.exists():
            return encodings.read_certificates(read_file(path, limit=_MAX_FILE_BYTES), source=str(path))
    if not required:
        return []
    raise FileNotUsable(
        f"{folder}: {name}.pem is missing", "A chain folder holds partner_CA, partner_intermediate, partner_server."
    )
