"""TLS contexts: one for each release, built when the release is first served, never for a connection."""

import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.composition import Distribution, ServedRelease, Snapshot

# Python's own default list leaves out RSA key exchange and AES-CBC, which are all that some devices may speak.
_CIPHERS = {"default": "DEFAULT", "legacy": "DEFAULT:@SECLEVEL=0"}
_FLOOR = {"default": ssl.TLSVersion.TLSv1_2, "legacy": ssl.TLSVersion.TLSv1}


class PatientSocket(ssl.SSLSocket):
    """A TLS socket whose handshake ends in time, where gunicorn would wait for a stalled device for ever."""

    handshake_seconds = 30.0

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, with the limit on each wait for the device.

        Raises:
            TimeoutError: The device was silent for too long.
        """
        self.settimeout(self.handshake_seconds)
        super().do_handshake(block)


class TlsContexts:
    """Gives each connection the context of the release that its site serves at this moment.

    A context is never changed once it exists: loading another certificate into a live one is not atomic with its key.
    A connection gets the default site's context first; OpenSSL then asks for the server name, also when there is
    none, and the site's own context takes over.

    Args:
        distribution: Says which release a server name gets.
        profile: ``default`` or ``legacy``.
        handshake_seconds: How long a connection waits for its device at each step of the handshake.
    """

    def __init__(
        self, distribution: Distribution, profile: Literal["default", "legacy"], handshake_seconds: float
    ) -> None:
        self._socket_class = type("LimitedSocket", (PatientSocket,), {"handshake_seconds": handshake_seconds})
        self._distribution = distribution
        self._profile = profile
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._no_release = self._empty_context()

    def prepare(self, snapshot: Snapshot) -> None:
        """Build what is missing for a snapshot, before it is published.

        Raises:
            ssl.SSLError: A chain or key that OpenSSL refuses. The contexts in use stay.
        """
        wanted = {release.chain_digest: release for release in snapshot.current.values()}
        fresh = {key: self._context_of(release) for key, release in wanted.items() if key not in self._contexts}
        # those that are served until the snapshot is published, and those after
        kept = {release.chain_digest for release in self._distribution.snapshot.current.values()} | set(wanted)
        self._contexts = {key: context for key, context in self._contexts.items() if key in kept} | fresh

    def current(self) -> ssl.SSLContext:
        """The context with which a new connection begins."""
        return self._of(self._distribution.tls_release(None))

    def _of(self, release: ServedRelease | None) -> ssl.SSLContext:
        if release is None:
            return self._no_release
        return self._contexts.get(release.chain_digest, self._no_release)

    def _choose(self, connection: ssl.SSLObject, server_name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._of(self._distribution.tls_release(server_name))

    def _empty_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _FLOOR[self._profile]
        context.set_ciphers(_CIPHERS[self._profile])
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.sslsocket_class = self._socket_class
        context.sni_callback = self._choose
        return context

    def _context_of(self, release: ServedRelease) -> ssl.SSLContext:
        context = self._empty_context()
        passphrase = secrets.token_urlsafe(32)
        with _chain_file(release, passphrase) as file:
            context.load_cert_chain(file, password=passphrase)
        return context


@contextmanager
def _chain_file(release: ServedRelease, passphrase: str) -> Iterator[str]:
    """The chain and its key as a file, because Python's ``ssl`` loads nothing else.

    The key in it is encrypted with a passphrase that only this process ever knows; on Linux the file is memory.
    """
    content = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in release.chain)
    content += _encrypted_key(release, passphrase)
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("chain")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "chain.pem"
            file.write_bytes(content)
            yield str(file)


def _encrypted_key(release: ServedRelease, passphrase: str) -> bytes:
    if release.private_key is None:
        raise ssl.SSLError(f"release {release.number} of {release.site} came without its private key")
    key = serialization.load_pem_private_key(release.private_key.reveal(), None)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
