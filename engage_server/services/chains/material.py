"""A chain and its key, from whatever the operator has: what ``engage release stage`` takes."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import CertificateInvalid, EngageError, PrivateKeyInvalid, UsageError
from engage_server.pki.containers import instead
from engage_server.pki.keys import keys_match
from engage_server.pki.paths.path import arrange
from engage_server.records import Secret
from engage_server.services.chains.folder import SERVER, ChainMaterial, read_chain_folder
from engage_server.services.chains.grouping import FileGroup
from engage_server.services.chains.targets import CheckTarget, groups_of, read_target


def read_material(paths: Sequence[Path], passphrase: Secret | None = None) -> ChainMaterial:
    """Read what a release is made of.

    Args:
        paths: A folder, a file that holds chain and key, or several files which together are one chain.
        passphrase: For PKCS#12 and an encrypted key. What is made of the key is not encrypted: seal it.

    Raises:
        FileNotUsable: Something is missing or cannot be read.
        CertificateInvalid: They form no chain, or more than one.
        PrivateKeyInvalid: There is no key that a server could use.
    """
    if len(paths) == 1 and any((paths[0] / f"{SERVER}{suffix}").is_file() for suffix in (".pem", ".der")):
        return read_chain_folder(paths[0], passphrase)
    groups = [group for path in paths for group in groups_of(path, passphrase)]
    if len(paths) == 1 and len(groups) > 1:
        names = ", ".join(str(group.name) for group in groups[:5])
        raise UsageError(f"{paths[0]} holds more than one chain: {names}", "Name one of them.")
    if not groups:
        raise UsageError(
            f"{paths[0]}: there is no chain in it", "Name a file or folder with certificates and their key."
        )
    together = FileGroup(groups[0].name, tuple(file for group in groups for file in group.files))
    return material_of(read_target(together), with_passphrase=passphrase is not None)


def material_of(target: CheckTarget, *, with_passphrase: bool) -> ChainMaterial:
    """The same of a target that was read.

    Raises:
        CertificateInvalid: The certificates form no chain, or the key is locked.
        PrivateKeyInvalid: There is no key that a server could use.
    """
    try:
        chain = arrange(target.certificates)
    except CertificateInvalid as error:
        more = "'engage release stage' takes several files."
        raise CertificateInvalid(f"{target.name}: {error.sentence}", f"{error.next_step} {more}") from None
    key = target.server_key
    if key is None or not keys_match(key, chain.server.public_key()):
        _refuse_locked(target, with_passphrase)
    if key is None:
        raise PrivateKeyInvalid(
            f"{target.name}: there is no private key of the server certificate",
            "Name the key's file as well: engage release stage CHAIN KEY.",
        )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PrivateKeyInvalid(
            f"{target.name}: the private key is not RSA", "ENGAGE devices are only known to accept RSA-2048."
        )
    return ChainMaterial(chain, key)


def could_be_staged(target: CheckTarget) -> bool:
    """Whether ``engage release stage`` would take it as it lies there."""
    try:
        material = material_of(target, with_passphrase=False)
    except EngageError:
        return False
    return keys_match(material.server_key, material.chain.server.public_key())


def _refuse_locked(target: CheckTarget, with_passphrase: bool) -> None:
    locked = [file.path for file in target.held if file.bundle.locked_keys]
    if locked:
        raise (instead.wrong_passphrase if with_passphrase else instead.missing_passphrase)(str(locked[0]))
