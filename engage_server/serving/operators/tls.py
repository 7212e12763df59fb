"""The TLS of the operators' listener: none, a certificate from files, or that of the current release."""

from engage_server.composition.operators_listener import has_tls, has_tls_of_site, read_operators_certificate
from engage_server.errors import SettingsInvalid
from engage_server.services.distribution.lookup import Distribution
from engage_server.serving.worker.connections.own_context import LockedChain, OwnContext
from engage_server.serving.worker.connections.tls_context import ContextSource, TlsContexts
from engage_server.settings import Settings


def contexts_for_operators(settings: Settings, distribution: Distribution) -> ContextSource | None:
    """Return what gives each connection its context. None: the listener is plain.

    The certificate of the release follows each activation. A certificate from files is read once, so renew it with
    SIGHUP.

    Raises:
        SettingsInvalid: A file cannot be used.
    """
    if not has_tls(settings):
        return None
    if has_tls_of_site(settings):
        return TlsContexts(distribution, "default")
    try:
        return OwnContext(LockedChain.of(*read_operators_certificate(settings)))
    except ValueError as error:  # an ssl.SSLError is one
        raise SettingsInvalid(
            f"setting operators_tls_certificate: OpenSSL rejects the certificate or key: {error}", "Renew both."
        ) from None
