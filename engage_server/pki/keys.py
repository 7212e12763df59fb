"""Generates, reads, writes and compares keys."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from engage_server.errors import CertificateInvalid, PrivateKeyInvalid
from engage_server.records import Secret

RSA_KEY_BITS = 2048  # the vendor's upper limit (host server page, note 2), and the shortest that is safe
RSA_PUBLIC_EXPONENT = 65537
MAX_PASSPHRASE_BYTES = 1023  # of OpenSSL, less the zero at the end


def generate_key(bits: int = RSA_KEY_BITS) -> rsa.RSAPrivateKey:
    """Generate an RSA key.

    Args:
        bits: Its length. The default is the only one that every device is known to accept.
    """
    return rsa.generate_private_key(public_exponent=RSA_PUBLIC_EXPONENT, key_size=bits)


def generate_keys(count: int) -> list[rsa.RSAPrivateKey]:
    """Generate several RSA keys, on all cores at once: one key takes a tenth of a second or more."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as executor:
        return list(executor.map(lambda _: generate_key(), range(count)))


def private_key_pem(key: rsa.RSAPrivateKey, passphrase: Secret | None = None) -> Secret:
    """Write the key as PKCS#8 PEM, encrypted if there is a passphrase.

    Raises:
        PrivateKeyInvalid: The passphrase is empty, or longer than OpenSSL accepts.
    """
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        if not passphrase.reveal():
            raise PrivateKeyInvalid("the passphrase is empty", "Write the passphrase into the file, on one line.")
        if len(passphrase.reveal()) > MAX_PASSPHRASE_BYTES:
            raise PrivateKeyInvalid(
                f"the passphrase has {len(passphrase.reveal())} bytes; OpenSSL accepts {MAX_PASSPHRASE_BYTES}",
                "Use a shorter one, on one line.",
            )
        encryption = serialization.BestAvailableEncryption(passphrase.reveal())
    return Secret(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def read_private_key(content: Secret, passphrase: Secret | None = None, *, source: str) -> PrivateKeyTypes:
    """Read a private key, PEM or DER.

    Args:
        content: The file's bytes.
        passphrase: The passphrase of an encrypted key. It is ignored if the key is not encrypted.
        source: The name to use in errors, such as a file name.

    Raises:
        PrivateKeyInvalid: It is not a key, or it is encrypted and the passphrase is missing or wrong.
    """
    raw = content.reveal()
    secret = passphrase.reveal() if passphrase else None
    load = serialization.load_pem_private_key if b"-----BEGIN" in raw else serialization.load_der_private_key
    try:
        return load(raw, secret)
    except TypeError:
        if secret is None:
            raise PrivateKeyInvalid(
                f"{source}: the private key is encrypted", "Give its passphrase: --passphrase-file FILE."
            ) from None
        return read_private_key(content, None, source=source)  # an unneeded passphrase does no harm
    except (ValueError, UnsupportedAlgorithm):
        what = "wrong passphrase, or it contains no private key" if secret else "it contains no private key"
        raise PrivateKeyInvalid(f"{source}: {what}", "Give a private key as PEM or DER, PKCS#8 or PKCS#1.") from None


def read_server_key(content: Secret, passphrase: Secret | None = None, *, source: str) -> rsa.RSAPrivateKey:
    """Read the private key of a TLS server, which must be RSA.

    The key is stored without a passphrase, so that a server can start without an operator.

    Raises:
        PrivateKeyInvalid: It cannot be read or is not RSA.
    """
    key = read_private_key(content, passphrase, source=source)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PrivateKeyInvalid(
            f"{source}: the private key is not RSA", "Use an RSA-2048 key: devices are not known to accept others."
        )
    return key


def keys_match(private: PrivateKeyTypes, public: PublicKeyTypes) -> bool:
    """Whether a private key belongs to the public key of a certificate."""
    return public_key_der(private.public_key()) == public_key_der(public)


def public_key_der(key: PublicKeyTypes) -> bytes:
    """A public key as SubjectPublicKeyInfo (RFC 5280 section 4.1). Equal keys give equal bytes."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_public_key(content: bytes, *, source: str) -> PublicKeyTypes:
    """Read a public key that :func:`public_key_der` wrote.

    Raises:
        CertificateInvalid: It is not a public key.
    """
    try:
        return serialization.load_der_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateInvalid(f"{source}: the public key cannot be read", "Stage its chain again.") from None


def public_half(content: Secret, *, source: str) -> PublicKeyTypes:
    """The public half of a private key that was read and validated before. See :func:`read_validated_key`."""
    return read_validated_key(content, source=source).public_key()


def read_validated_key(content: Secret, *, source: str) -> PrivateKeyTypes:
    """Read a private key in unencrypted PEM that was read and validated before.

    Its numbers are not validated again. That would take 40 ms for 2048 bits, and 4 s for 8192.

    Raises:
        PrivateKeyInvalid: It is not such a key.
    """
    try:
        return serialization.load_pem_private_key(content.reveal(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise PrivateKeyInvalid(f"{source}: it contains no private key", "Stage its chain and key again.") from None
