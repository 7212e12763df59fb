"""Sends requests to the running ingress. The login goes only to a server with the certificate of ``links.toml``."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engage_server.errors import NotPossible
from engage_server.files import read_file
from engage_server.links.m2u.slot_keys import SlotKeys
from engage_server.links.m2u.spellings import Case
from engage_server.links.registry.listeners import HostTable
from engage_server.links.registry.secret_file import read_secret_file
from engage_server.pki.encodings import der, read_certificates

_SECONDS = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # the address that a client can call
_MAX_PEM_BYTES = 256 * 1024
_MAX_ANSWER_BYTES = 4096
_MAX_LOGINS_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: The case.
        status: What the ingress answered; 0 for no answer.
        error: The text of its error; "" without one.
    """

    case: Case
    status: int
    error: str

    @property
    def is_right(self) -> bool:
        """Whether it is what it had to be."""
        return self.status == self.case.status and self.case.error in ("", self.error)


def login_of(keys: SlotKeys) -> tuple[bytes, bytes, str | None]:
    """Return user and password of a slot, and the device that they are for: None for all. Of several, the first.

    Raises:
        SettingsInvalid: The file cannot be used.
    """
    if keys.login_file is not None:
        user, _, password = read_secret_file(keys.login_file).reveal().partition(b":")
        return user, password, None
    assert keys.logins_file is not None  # noqa: S101  # one of the two is there
    lines = read_secret_file(keys.logins_file, limit=_MAX_LOGINS_BYTES).reveal().splitlines()
    device, user, password = next(line for line in lines if line.strip()).split(b":", 2)
    return user, password, device.decode("utf-8", "replace")


def outcomes(host: HostTable, asked: Iterable[Case], client_certificate: Path | None) -> Iterator[Outcome]:
    """Send each request on a new connection.

    Args:
        host: The host of ``links.toml``.
        asked: The requests.
        client_certificate: PEM with certificate and key, to present. None for none.

    Raises:
        NotPossible: Nothing answers, or something that does not have the host's certificate.
        FileNotUsable: The certificate cannot be read.
    """
    leaf = der(
        read_certificates(read_file(host.certificate_file, limit=_MAX_PEM_BYTES), source=str(host.certificate_file))[0]
    )
    context = _context(client_certificate)
    for case in asked:
        try:
            with closing(_connected(host, context, leaf)) as connection:
                yield _outcome(case, connection)
        except OSError as error:
            why = error.strerror or str(error)
            raise NotPossible(
                f"{host.name}, {host.bind} port {host.port}: {why}",
                "Start the ingress: engage serve links. If it demands a certificate: --client-certificate FILE.",
                code="ingress.away",
            ) from None


def _context(client_certificate: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the certificate is compared with that of links.toml
    if client_certificate is not None:
        try:
            context.load_cert_chain(client_certificate)
        except (OSError, ssl.SSLError) as error:
            raise NotPossible(
                f"{client_certificate}: {error.strerror or error}", "Name a PEM file with certificate and key."
            ) from None
    return context


def _connected(host: HostTable, context: ssl.SSLContext, leaf: bytes) -> ssl.SSLSocket:
    plain = socket.create_connection((_EVERYWHERE.get(host.bind, host.bind), host.port), timeout=_SECONDS)
    try:
        connection = context.wrap_socket(plain, server_hostname=host.name)
    except BaseException:
        plain.close()
        raise
    if connection.getpeercert(binary_form=True) != leaf:
        connection.close()
        raise NotPossible(
            f"{host.bind} port {host.port} does not show the certificate of {host.certificate_file}; no login was sent",
            "Send SIGHUP to the ingress if the certificate is new, or stop the other program.",
            code="ingress.other",
        )
    return connection


def _outcome(case: Case, connection: ssl.SSLSocket) -> Outcome:
    connection.sendall(case.request)
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
        body = answer.read(_MAX_ANSWER_BYTES)
    except http.client.HTTPException:
        return Outcome(case, 0, "")
    finally:
        answer.close()
    return Outcome(case, answer.status, _error_in(body))


def _error_in(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""
