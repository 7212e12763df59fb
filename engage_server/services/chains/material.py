"""Reads a chain and its key for ``engage release stage``, from the files that the operator has."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import CertificateInvalid, EngageError, PrivateKeyInvalid, UsageError
from engage_server.pki.containers import instead
from engage_server.pki.keys import keys_match
from engage_server.pki.paths.path import arrange
from engage_server.records import Secret
from engage_server.services.chains.folder import SERVER, ChainMaterial, read_chain_folder
from engage_server.services.chains.grouping import FileGroup
from engage_server.services.chains.targets import CheckTarget, groups_at, no_input, read_target


def read_material(
    paths: Sequence[Path], passphrase: Secret | None = None, standard_input: Callable[[], bytes] = no_input
) -> ChainMaterial:
    """Read the chain and key of a release.

    Args:
        paths: A folder, a file with chain and key, or several files that together are one chain.
        passphrase: Decrypts PKCS#12 and an encrypted key. The returned key is not encrypted: seal it.
        standard_input: Gives the content of standard input, for the path ``-``.

    Raises:
        FileNotUsable: A file is missing or cannot be read.
        CertificateInvalid: They are not a chain, or more than one.
        PrivateKeyInvalid: There is no key that a server could use.
    """
    if len(paths) == 1 and any((paths[0] / f"{SERVER}{suffix}").is_file() for suffix in (".pem", ".der")):
        return read_chain_folder(paths[0], passphrase)
    groups = [group for path in paths for group in groups_at(path, passphrase, standard_input)]
    if len(paths) == 1 and len(groups) > 1:
        names = ", ".join(str(group.name) for group in groups[:5])
        raise UsageError(
            f"{paths[0]} contains more than one chain: {names}", "Name one of them.", code="content.several_chains"
        )
    if not groups:
        raise UsageError(
            f"{paths[0]}: there is no chain in it",
            "Name a file or folder with certificates and their key.",
            code="content.no_certificate",
        )
    together = FileGroup(groups[0].name, tuple(file for group in groups for file in group.files))
    return material_of(read_target(together), with_passphrase=passphrase is not None)


def material_of(target: CheckTarget, *, with_passphrase: bool) -> ChainMaterial:
    """The chain and key of a target that was already read.

    Raises:
        CertificateInvalid: The certificates are not a chain, or the key cannot be decrypted.
        PrivateKeyInvalid: There is no key that a server could use.
    """
    try:
        chain = arrange(target.certificates)
    except CertificateInvalid as error:
        more = "'engage release stage' accepts several files."
        raise CertificateInvalid(f"{target.name}: {error.sentence}", f"{error.next_step} {more}") from None
    key = target.server_key
    if key is None or not keys_match(key, chain.server.public_key()):
        _refuse_locked(target, with_passphrase)
    if key is None:
        raise PrivateKeyInvalid(
            f"{target.name}: the private key of the server certificate is missing",
            "Give its key with the chain: engage release stage CHAIN KEY. Or send both to standard input.",
        )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PrivateKeyInvalid(
            f"{target.name}: the private key is not RSA",
            "Use an RSA-2048 key: ENGAGE devices are not known to accept any other.",
        )
    return ChainMaterial(chain, key)


def could_be_staged(target: CheckTarget) -> bool:
    """Whether ``engage release stage`` would accept it as it is."""
    try:
        material = material_of(target, with_passphrase=False)
    except EngageError:
        return False
    return keys_match(material.server_key, material.chain.server.public_key())


def _refuse_locked(target: CheckTarget, with_passphrase: bool) -> None:
    locked = [file.path for file in target.held if file.bundle.locked_keys]
    if locked:
        raise (instead.wrong_passphrase if with_passphrase else instead.missing_passphrase)(str(locked[0]))
