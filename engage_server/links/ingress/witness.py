"""Reports callers that TLS refuses for their certificate: without that line, an operator would see nothing at all."""

import logging
from typing import cast

from engage_server.links.ingress.contexts import HostContext
from engage_server.serving.worker.connections.connection import Connection
from engage_server.serving.worker.connections.tls_connection import TlsConnection
from engage_server.serving.worker.equipment import HandshakeWitness
from engage_server.serving.worker.metrics import ListenerMetrics

# OpenSSL's words, as TlsFailure has them
_OF_CERTIFICATES = {
    "peer_did_not_return_a_certificate": "it gave no certificate",
    "certificate_verify_failed": "its certificate is not one of client_ca_file, or not valid now",
}


class CallerWitness(HandshakeWitness):
    """Records how handshakes of the ingress end.

    Args:
        metrics: The worker's metrics.
        log: For refused certificates.
    """

    def __init__(self, metrics: ListenerMetrics, log: logging.Logger) -> None:
        super().__init__(metrics, None)
        self._log = log

    def failed(self, connection: Connection, reason: str) -> None:
        """Record a failed handshake, and log one that failed for the caller's certificate."""
        super().failed(connection, reason)
        why = _OF_CERTIFICATES.get(reason)
        if why is not None and isinstance(connection, TlsConnection):
            host = cast("HostContext", connection.chosen_context).host
            self._log.warning("%s was refused by TLS on %s: %s", connection.address, host.table, why)
