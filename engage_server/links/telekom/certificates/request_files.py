"""Writes a request and its encrypted key, with the file names of the document. Never replaces a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import Conflict, EngageError
from engage_server.files import PUBLIC_MODE, SECRET_MODE, make_folder, write_new_file
from engage_server.links.telekom.certificates.organisation import Organisation
from engage_server.links.telekom.certificates.profiles import Profile
from engage_server.links.telekom.certificates.requests import build_request
from engage_server.pki.keys import generate_key, private_key_pem
from engage_server.records import Host, Secret


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request that was written.

    Attributes:
        key_file: The encrypted private key, mode 0600.
        request_file: The request, to be sent to Telekom.
        request: The request.
    """

    key_file: Path
    request_file: Path
    request: x509.CertificateSigningRequest


def write_request(
    folder: Path,
    profile: Profile,
    organisation: Organisation,
    passphrase: Secret,
    *,
    bits: int,
    hosts: Iterable[Host] = (),
) -> NewRequest:
    """Make a key and a request, and write both files or neither.

    Args:
        folder: Where. It is made if it does not exist.
        profile: The kind of certificate.
        organisation: Who asks.
        passphrase: Encrypts the key.
        bits: The length of the RSA key.
        hosts: The subject alternative name.

    Raises:
        Conflict: One of the files exists already.
        FileNotUsable: The folder cannot be written.
        PrivateKeyInvalid: The passphrase is empty.
    """
    stem = profile.stem(organisation.short_name)
    key_file, request_file = folder / f"{stem}-PrivateKey.pem", folder / f"{stem}.csr"
    for file in (key_file, request_file):
        if file.exists() or file.is_symlink():
            raise _taken(file)
    key = generate_key(bits)
    request = build_request(profile, organisation, key, hosts)
    content = private_key_pem(key, passphrase)
    make_folder(folder)
    _write_both(key_file, content, request_file, request.public_bytes(Encoding.PEM))
    return NewRequest(key_file, request_file, request)


def _write_both(key_file: Path, key: Secret, request_file: Path, request: bytes) -> None:
    try:
        write_new_file(key_file, key.reveal(), SECRET_MODE)
    except Conflict:
        raise _taken(key_file) from None
    try:
        write_new_file(request_file, request, PUBLIC_MODE)
    except EngageError as error:
        key_file.unlink()  # a key without its request would only be in the way
        raise _taken(request_file) if isinstance(error, Conflict) else error from None


def _taken(file: Path) -> Conflict:
    return Conflict(
        f"{file} exists already, and is never replaced",
        "To renew a certificate, name a new folder in that one, such as DIR/2029.",
        code="telekom.exists",
    )
