"""The vendor's "hash encryption" by hand: a site key and a DER file in, Base64 out."""

from pathlib import Path

from engage_server.pki.encodings import read_der
from engage_server.protocol.site_key import anchor_hash, read_site_key
from engage_server.records import Secret
from engage_server.services.durable_files import read_file

_MAX_DER_FILE_BYTES = 1 << 16


def hash_der_file(path: Path, key: Secret) -> str:
    """Base64(HMAC-SHA1(site key, DER)) of a certificate file, exactly as it lies there.

    Raises:
        FileNotUsable: It can not be read.
        CertificateInvalid: It is not one certificate in DER: devices would drop it.
    """
    content = read_file(path, limit=_MAX_DER_FILE_BYTES)
    read_der(content, source=str(path))
    return anchor_hash(key, content)


def site_key_from_text(text: bytes, *, demo: bool) -> Secret:
    """Read a site key: 44 characters of Base64, or 64 hexadecimal digits.

    Args:
        text: The file's content.
        demo: Accept the samples of public documents.

    Raises:
        SiteKeyInvalid: Wrong length or alphabet, or a sample.
    """
    return read_site_key(text, allow_samples=demo)
