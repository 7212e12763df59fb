"""TLS contexts for callers that are no devices: from a certificate and a key that lie in files."""

import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.serving.worker.connections.tls_context import ByName, content_as_file, harden

HANDSHAKES_OF_A_CONTEXT = 2000  # see tls_context: then the cache of sessions is dropped with its context

# forward secrecy only: these callers are no locks. The last is for partners' systems of 2013, which have no GCM.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aDSS:!AESCCM8"

Context = TypeVar("Context", bound=ssl.SSLContext)


@dataclass(frozen=True, slots=True)
class LockedChain:
    """A server's certificates and its key, as OpenSSL loads them. :meth:`of` makes it.

    Attributes:
        pem: The certificates and the key. The key is encrypted.
        passphrase: Of the key: made by this process, and known to nobody else.
    """

    pem: bytes
    passphrase: str

    @classmethod
    def of(cls, chain: Sequence[x509.Certificate], key: PrivateKeyTypes) -> Self:
        """Encrypt a key, and put it behind its chain. The server's own certificate comes first."""
        passphrase = secrets.token_urlsafe(32)
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
        locked = key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        return cls(b"".join(each.public_bytes(Encoding.PEM) for each in chain) + locked, passphrase)

    def __repr__(self) -> str:
        return "LockedChain(***)"


def own_context(kind: type[Context], chain: LockedChain) -> Context:
    """Build a context.

    Args:
        kind: Its class.
        chain: What it serves.

    Raises:
        ssl.SSLError, ValueError: OpenSSL rejects the certificates or the key.
    """
    context = kind(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    harden(context)
    with content_as_file(chain.pem) as file:
        context.load_cert_chain(file, password=chain.passphrase)
    return context


class OwnContext:
    """Implements :class:`~.tls_context.ContextSource` for a listener with one certificate.

    Args:
        chain: What it serves.

    Raises:
        ssl.SSLError, ValueError: OpenSSL rejects the certificates or the key.
    """

    by_name: ByName | None = None

    def __init__(self, chain: LockedChain) -> None:
        self._chain = chain
        self._context = own_context(ssl.SSLContext, chain)
        self._begun = 0

    def current(self, local: str = "") -> ssl.SSLContext:
        """Return the context with which a new connection begins."""
        self._begun += 1
        if self._begun >= HANDSHAKES_OF_A_CONTEXT:
            self._begun = 0
            self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            self._context = own_context(ssl.SSLContext, self._chain)
        except (OSError, MemoryError):  # no descriptor left: the old one stays. An ssl.SSLError is an OSError
            return
