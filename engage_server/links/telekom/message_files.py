"""Reads from files what messages are signed with, and what they must be signed with."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from engage_server.errors import PrivateKeyInvalid
from engage_server.files import read_file
from engage_server.links.telekom.messages.signing import Signer
from engage_server.links.telekom.messages.verifying import Trust
from engage_server.pki.encodings import read_certificates
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.records import Secret

_MOST_BYTES = 1 << 20


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
