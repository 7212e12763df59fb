"""TLS contexts: one for each release, built when the release is first served, never for a single connection."""

import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from engage_server.errors import Refused
from engage_server.services.distribution.lookup import Distribution
from engage_server.services.distribution.snapshot import ServedRelease, Snapshot

# Forward secrecy first, and the cheapest ciphers first within it. Then RSA key exchange, because some devices may
# support nothing else: never narrow this to ECDHE with GCM. No DHE: in TLS 1.2 the cipher list leaves it out. In TLS
# 1.3 the groups decide, which tls_groups.py limits: finite-field groups cost up to 130 ms, and any client could ask for
# them.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:!aDSS:!AESCCM8"
_SECURITY_LEVEL = {"default": "", "legacy": ":@SECLEVEL=0"}  # OpenSSL does TLS 1.0 and 1.1 only at level 0
_FLOOR = {"default": ssl.TLSVersion.TLSv1_2, "legacy": ssl.TLSVersion.TLSv1}

# No tickets: devices call once a night, and a device that resumes a session checks no certificate. Python cannot turn
# off OpenSSL's own cache of TLS 1.2 sessions. The context with which handshakes begin holds it, and is replaced before
# it grows. A resumed handshake is recorded as one.
_HANDSHAKES_OF_A_CONTEXT = 2000


ByName = Callable[[bytes], ssl.SSLContext]


class ContextSource(Protocol):
    """Gives each new connection its context.

    Attributes:
        by_name: Chooses another one by the server name, before OpenSSL begins. None: OpenSSL's own callback does.
    """

    by_name: ByName | None

    def current(self, local: str = "") -> ssl.SSLContext:
        """Return the context with which a new connection begins.

        Args:
            local: The address of this host that was called, where that chooses a site.
        """


class ReleaseContext(ssl.SSLContext):
    """The context of one release.

    Attributes:
        site, release: The site and release that it serves. None for the context without a certificate.
        begun: How many handshakes began with it.
    """

    site: str | None = None
    release: int | None = None
    begun = 0


class TlsContexts:
    """Gives each connection the context of the release that its site serves at this moment.

    A context is never changed once it exists: loading another certificate into one in use is not atomic with its key.
    A connection begins with the context of its local address's site, or the default site's. OpenSSL then asks for the
    server name, in every TLS version and also if there is none, and the named site's context takes over. The exchange
    costs a few percent of a handshake, so it is done only if the context differs.

    Args:
        distribution: Says which release a server name gets.
        profile: ``default`` or ``legacy``.
    """

    by_name: ByName | None = None

    def __init__(self, distribution: Distribution, profile: Literal["default", "legacy"]) -> None:
        self._distribution = distribution
        self._profile = profile
        self._contexts: dict[tuple[str, int, str], ReleaseContext] = {}
        self._tried: dict[tuple[str, int, str], ReleaseContext] = {}
        self._without_certificate = self._new_context()

    def try_out(self, release: ServedRelease) -> None:
        """Build the context of a release, if there is none yet. :meth:`prepare` then uses it.

        Raises:
            Refused: OpenSSL rejects its chain or key.
        """
        key = _key(release)
        if key in self._contexts or key in self._tried:
            return
        try:
            self._tried[key] = self._context_of(release)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise Refused(
                f"release {release.number} of {release.site} cannot be loaded into TLS: {error}",
                "Activate another release, or stage the chain again with its key.",
                code="release.not_loaded",
            ) from None

    def prepare(self, snapshot: Snapshot, held: Snapshot | None = None) -> None:
        """Build the contexts that a snapshot needs, before it is published.

        Args:
            snapshot: The snapshot.
            held: Another prepared one, which may be published meanwhile.

        Raises:
            Refused: OpenSSL rejects a chain or key. The contexts in use stay.
        """
        wanted = {_key(release): release for release in snapshot.current.values()}
        for release in wanted.values():
            self.try_out(release)
        # those that are served until the snapshot is published, and those after it
        others = (self._distribution.snapshot, *((held,) if held is not None else ()))
        kept = {_key(release) for other in others for release in other.current.values()} | set(wanted)
        contexts = {**self._contexts, **self._tried}
        self._contexts = {key: context for key, context in contexts.items() if key in kept}
        self._tried = {}

    def current(self, local: str = "") -> ReleaseContext:
        """Return the context with which a new connection begins.

        Args:
            local: The address of this host that was called, where that chooses a site.
        """
        context = self.of(None, local) or self._without_certificate
        context.begun += 1
        return context if context.begun < _HANDSHAKES_OF_A_CONTEXT else self._renewed(local)

    def of(self, server_name: str | None, local: str = "") -> ReleaseContext | None:
        """Return the context that serves a server name now. None if its site has no release."""
        release = self._distribution.tls_release(server_name, local)
        return None if release is None else self._contexts.get(_key(release))

    def _choose(self, connection: ssl.SSLObject, server_name: str | None, context: ssl.SSLContext) -> None:
        chosen = self.of(server_name, getattr(connection, "local", ""))
        if chosen is not None and chosen is not context:
            connection.context = chosen

    def _renewed(self, local: str) -> ReleaseContext:
        """Return a fresh context for the release that is served there now, with an empty cache of sessions.

        If there is no descriptor or memory for it, the old one stays for as many handshakes again. No device is refused
        for that. The cache grows by as much.
        """
        release = self._distribution.tls_release(None, local)
        key = _key(release) if release is not None else None
        if release is None or key not in self._contexts:
            self._without_certificate = self._new_context()
            return self._without_certificate
        try:
            renewed = self._context_of(release)
        except (OSError, MemoryError):  # an ssl.SSLError is an OSError
            self._contexts[key].begun = 0
            return self._contexts[key]
        self._contexts[key] = renewed
        return renewed

    def _new_context(self) -> ReleaseContext:
        context = ReleaseContext(ssl.PROTOCOL_TLS_SERVER)
        self._configure(context)
        context.sni_callback = self._choose
        return context

    def _configure(self, context: ssl.SSLContext) -> None:
        context.minimum_version = _FLOOR[self._profile]
        context.set_ciphers(_CIPHERS + _SECURITY_LEVEL[self._profile])
        harden(context)

    def _context_of(self, release: ServedRelease) -> ReleaseContext:
        context = self._new_context()
        context.site, context.release = release.site, release.number
        passphrase = secrets.token_urlsafe(32)
        with content_as_file(_chain_and_key(release, passphrase)) as file:
            context.load_cert_chain(file, password=passphrase)
        return context


def harden(context: ssl.SSLContext) -> None:
    """Turn off what no client needs: compression, renegotiation and tickets. The server's order of ciphers counts."""
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0


def _key(release: ServedRelease) -> tuple[str, int, str]:
    return release.site, release.number, release.chain_digest


def _chain_and_key(release: ServedRelease, passphrase: str) -> bytes:
    """Return both as PEM. The key is encrypted with a passphrase that only this process ever knows."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, release.chain)).encode() + _encrypted_key(release, passphrase)


@contextmanager
def content_as_file(content: bytes) -> Iterator[str]:
    """Yield the path of a file, because Python's ``ssl`` loads nothing else. On Linux the file is in memory.

    Args:
        content: Certificates and a private key. Encrypt the key.
    """
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
    # The key was checked when it was staged, and has been sealed since. Checking it again would take 40 ms: too long
    # here.
    pem = release.private_key.reveal()
    key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
