"""Reads from files what messages are signed with, and what they must be signed with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import PrivateKeyInvalid
from engage_server.files import read_file
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.links.registry.table import Where
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.messages.signing import Signer
from engage_server.links.telekom.messages.verifying import Trust
from engage_server.links.telekom.settings import EnvironmentTable, TelekomTable
from engage_server.pki.encodings import read_certificates
from engage_server.pki.extensions import extension
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.records import Secret

_MOST_BYTES = 1 << 20
_TELEKOM_SIGNS = "telekom_sign_certificate_file"


def read_signer(certificate: Path, key: Path, passphrase: Secret | None) -> Signer:
    """Read what messages are signed with.

    Args:
        certificate: The file of the agreed certificate. A chain may follow it.
        key: The file of its private key.
        passphrase: Of that file, if it is encrypted.

    Raises:
        FileNotUsable: A file cannot be read.
        CertificateInvalid: The first holds no certificate.
        PrivateKeyInvalid: The second holds no RSA key, it cannot be opened, or it belongs to another certificate.
    """
    agreed = read_certificates(read_file(certificate, limit=_MOST_BYTES), source=str(certificate))[0]
    found = read_private_key(Secret(read_file(key, limit=_MOST_BYTES)), passphrase, source=str(key))
    if not isinstance(found, rsa.RSAPrivateKey):
        raise PrivateKeyInvalid(f"{key}: the private key is not RSA", "Make one with: engage telekom csr")
    if not keys_match(found, agreed.public_key()):
        raise PrivateKeyInvalid(
            f"{key}: this key does not belong to the certificate {certificate}", "Name the files of one pair."
        )
    return Signer(found, agreed)


def read_trust(certificates: Sequence[Path]) -> Trust:
    """Read which certificate messages must be signed with: the first of each file.

    Raises:
        FileNotUsable: A file cannot be read.
        CertificateInvalid: One holds no certificate.
    """
    found = (read_certificates(read_file(each, limit=_MOST_BYTES), source=str(each))[0] for each in certificates)
    return Trust(tuple(found))


def signer_of(table: TelekomTable, environment: Environment, where: Where) -> Signer:
    """Read what our messages to an environment are signed with.

    Args:
        table: ``[telekom]``.
        environment: Of the portal.
        where: Where ``[telekom]`` stands.

    Raises:
        SettingsInvalid: A key is missing or contradicts another, or others may read the passphrase.
        EngageError: A file cannot be used.
    """
    keys, place = table.of(environment), where.below(environment)
    certificate = named(keys, "sign_certificate_file", place)
    passphrase = keys.sign_key_passphrase_file
    signer = read_signer(
        certificate, named(keys, "sign_key_file", place), None if passphrase is None else read_secret_file(passphrase)
    )
    _assert_enough(table, where)
    return replace(signer, parts=table.parts, signature_algorithm=table.signature_algorithms[0])


def trust_of(table: TelekomTable, environment: Environment, where: Where) -> Trust:
    """Read what the messages of an environment must be signed with. The arguments and errors are as above."""
    file = named(table.of(environment), _TELEKOM_SIGNS, where.below(environment))
    _assert_enough(table, where)
    content = read_file(file, limit=_MOST_BYTES)
    found = read_certificates(content, source=str(file))  # two senders' while a new one replaces an old one
    # of a chain, those of its CAs sign no messages
    agreed = tuple(each for each in found if len(found) == 1 or not _is_ca(each))
    if not agreed:
        raise where.below(environment).refused(
            "its file holds certificates of CAs alone", "Name the file of Telekom's own certificate.", _TELEKOM_SIGNS
        )
    return Trust(agreed, table.parts, table.signature_algorithms)


def named(keys: EnvironmentTable, key: str, place: Where) -> Path:
    """Return the file that a key names.

    Raises:
        SettingsInvalid: The key is missing.
    """
    found = getattr(keys, key)
    if not isinstance(found, Path):
        raise place.refused(f"the key {key} is missing", f'Add a line: {key} = "..."')
    return found


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _assert_enough(table: TelekomTable, where: Where) -> None:
    if not {"body", "timestamp"} <= set(table.parts):
        raise where.refused("body and timestamp must be among them", 'parts = ["body", "timestamp"]', "parts")
    if not table.signature_algorithms:
        raise where.refused("there is none", 'signature_algorithms = ["rsa-sha256"]', "signature_algorithms")
