"""Reads the certificate and the key of the operators' listener, as the settings name them."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from engage_server.errors import EngageError, SettingsInvalid
from engage_server.files import read_file
from engage_server.pki.encodings import read_certificates
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.records import Secret
from engage_server.settings import Settings

_MAX_PEM_BYTES = 256 * 1024


def read_operators_certificate(settings: Settings) -> tuple[list[x509.Certificate], PrivateKeyTypes]:
    """Return the certificates, the server's own first, and its key.

    Args:
        settings: Both files are set: see :func:`.operators_listener.assert_protected`.

    Raises:
        SettingsInvalid: A file cannot be read, or the key is not that of the first certificate.
    """
    certificate, key_file = settings.operators_tls_certificate, settings.operators_tls_key
    if certificate is None or key_file is None:
        raise ValueError("the settings name no certificate and key")
    name = "operators_tls_certificate"
    try:
        chain = read_certificates(_content(certificate), source=str(certificate))
        name = "operators_tls_passphrase_file"
        given = settings.operators_tls_passphrase_file
        passphrase = None if given is None else Secret(_content(given).rstrip(b"\r\n"))
        name = "operators_tls_key"
        key = read_private_key(Secret(_content(key_file)), passphrase, source=str(key_file))
    except EngageError as error:
        raise SettingsInvalid(f"setting {name}: {error.sentence}", error.next_step) from None
    if not keys_match(key, chain[0].public_key()):
        raise SettingsInvalid(
            f"setting operators_tls_key: {key_file} is not the key of the first certificate in {certificate}",
            "Put the server's own certificate first, then its intermediates. And name its key.",
        )
    return chain, key


def _content(path: Path) -> bytes:
    return read_file(path, limit=_MAX_PEM_BYTES)
