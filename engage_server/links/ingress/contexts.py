"""TLS contexts of the hosts of one port. The server name chooses one before OpenSSL begins the handshake.

So each host decides for itself whether callers are asked for a certificate. OpenSSL's own callback comes too late for
that: it exchanges the certificate, and keeps the verification of the first context.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from engage_server.errors import EngageError, PrivateKeyInvalid
from engage_server.files import read_file
from engage_server.links.registry.listeners import HostTable
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.pki.encodings import pem, read_certificates
from engage_server.pki.keys import keys_match, read_private_key
from engage_server.serving.worker.connections.own_context import HANDSHAKES_OF_A_CONTEXT, LockedChain, own_context
from engage_server.serving.worker.connections.tls_context import ByName

_MAX_PEM_BYTES = 256 * 1024
_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class HostContext(ssl.SSLContext):
    """The context of one host.

    Attributes:
        host: The host's table, as :attr:`~.call.Call.host` says it.
        begun: How many handshakes began with it.
    """

    host: HostTable
    begun = 0


@dataclass(frozen=True, slots=True)
class _Material:
    """What the files of a host held when the settings were read. Later changes of the files come with SIGHUP.

    Attributes:
        host: The host.
        chain: Its certificates and key.
        client_ca: PEM. "" if callers are not asked for a certificate.
    """

    host: HostTable
    chain: LockedChain
    client_ca: str

    def __repr__(self) -> str:
        return f"_Material({self.host.table})"


class HostContexts:
    """Implements :class:`~engage_server.serving.worker.connections.tls_context.ContextSource` for the hosts of a port.

    Args:
        hosts: At least one. The first also serves clients that give no known name.

    Raises:
        SettingsInvalid: A file cannot be used, or a key is not that of its certificate.
    """

    def __init__(self, hosts: Sequence[HostTable]) -> None:
        self._materials = {host.name: _material(host) for host in hosts}
        self._contexts = {name: _context(material) for name, material in self._materials.items()}
        self._first = hosts[0].name
        self.by_name: ByName | None = self._choose

    def current(self, local: str = "") -> ssl.SSLContext:
        """Return the first host's context. The server name replaces it when the ClientHello is whole."""
        return self._contexts[self._first]

    def _choose(self, server_name: bytes) -> ssl.SSLContext:
        name = server_name.decode("ascii", "replace").lower()
        if name not in self._contexts:
            name = self._first
        context = self._contexts[name]
        context.begun += 1
        if context.begun >= HANDSHAKES_OF_A_CONTEXT:
            context = self._renewed(name)
        return context

    def _renewed(self, name: str) -> HostContext:
        """Return a fresh context with an empty cache of sessions. Without memory for one, the old one stays."""
        try:
            self._contexts[name] = _context(self._materials[name])
        except (OSError, MemoryError, EngageError):
            self._contexts[name].begun = 0
        return self._contexts[name]


def _material(host: HostTable) -> _Material:
    key_name = "certificate_file"
    try:
        chain = read_certificates(
            read_file(host.certificate_file, limit=_MAX_PEM_BYTES), source=str(host.certificate_file)
        )
        key_name = "key_file"
        given = read_secret_file(host.key_passphrase_file) if host.key_passphrase_file is not None else None
        content = read_secret_file(host.key_file, limit=_MAX_PEM_BYTES)
        key = read_private_key(content, given, source=str(host.key_file))
        key_name = "client_ca_file"
        client_ca = _client_ca(host)
    except PrivateKeyInvalid as error:
        raise host.where.refused(error.sentence, "Check key_file and key_passphrase_file.", key_name) from None
    except EngageError as error:
        raise host.where.refused(error.sentence, error.next_step, key_name) from None
    if not keys_match(key, chain[0].public_key()):
        raise host.where.refused(
            f"{host.key_file} is not the key of the first certificate in {host.certificate_file}",
            "Put the server's own certificate first, and name its key.",
            "key_file",
        )
    return _Material(host, LockedChain.of(chain, key), client_ca)


def _client_ca(host: HostTable) -> str:
    if host.client_ca_file is None:
        return ""
    content = read_file(host.client_ca_file, limit=_MAX_PEM_BYTES)
    found: list[x509.Certificate] = read_certificates(content, source=str(host.client_ca_file))
    return pem(found).decode("ascii")


def _context(material: _Material) -> HostContext:
    try:
        context = own_context(HostContext, material.chain)
        if material.client_ca:
            context.load_verify_locations(cadata=material.client_ca)
    except (ssl.SSLError, ValueError) as error:
        raise material.host.where.refused(
            f"OpenSSL rejects its certificate or key: {error}", "Renew both.", "certificate_file"
        ) from None
    context.host = material.host
    context.verify_mode = _VERIFY[material.host.client_certificates]
    return context
