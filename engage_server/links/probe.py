"""Asks the running ingress whether it answers, as a partner's system would reach it."""

import http.client
import socket
import ssl
from contextlib import closing

from cryptography import x509

from engage_server.links.registry.listeners import HostTable, PlainTable
from engage_server.pki.encodings import der
from engage_server.services.installation.checkup import Check, Level

_SECONDS = 3.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # the address that a client can call
_START = "Start it: engage serve links."


def probe_host(host: HostTable, leaf: x509.Certificate) -> Check:
    """Connect with TLS, and check that the host's own certificate is what comes.

    Args:
        host: The host.
        leaf: The certificate in its file.
    """
    name, place = f"ingress {host.table}", f"{host.bind} port {host.port}"
    try:
        served = _served_certificate(host)
    except OSError as error:
        return Check(name, Level.WARNING, f"nothing answers on {place}: {_why(error)}", _START)
    if served != der(leaf):
        sentence = f"{place} does not serve {host.certificate_file} for {host.name}"
        return Check(name, Level.PROBLEM, sentence, "Send SIGHUP to the ingress, or stop the other program.")
    return Check(name, Level.OK, f"{place} answers as {host.name}, with the certificate in its file")


def probe_plain(plain: PlainTable) -> Check:
    """Check that something answers HTTP on a plain listener."""
    name, place = f"ingress {plain.table}", f"{plain.bind} port {plain.port}"
    try:
        with closing(http.client.HTTPConnection(_called(plain.bind), plain.port, timeout=_SECONDS)) as connection:
            connection.request("GET", "/healthz")
            connection.getresponse().read(1024)
    except (OSError, http.client.HTTPException) as error:
        return Check(name, Level.WARNING, f"nothing answers on {place}: {_why(error)}", _START)
    return Check(name, Level.OK, f"{place} answers")


def _served_certificate(host: HostTable) -> bytes | None:
    """The certificate that comes for the host's name. It is compared, so nothing needs to vouch for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((_called(host.bind), host.port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host.name) as secure,
    ):
        return secure.getpeercert(binary_form=True)


def _called(address: str) -> str:
    return _EVERYWHERE.get(address, address)


def _why(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
