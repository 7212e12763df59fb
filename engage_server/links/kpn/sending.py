"""Send a message to KPN Things as a device does: plain HTTP in the private network, or https over the internet.

No redirect is followed: the token would be sent on to another host. No name is looked up for the plain way, because
that network has no DNS.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from engage_server.errors import BodyInvalid, NotPossible, Refused, UpstreamSilent, UsageError
from engage_server.links.kpn.answering.ingestion import PATH
from engage_server.links.kpn.message_token import SENT_FIELD, message_token
from engage_server.links.kpn.senml.reading import Measurement, read_pack
from engage_server.records import Secret, Upstream, read_address
from engage_server.services.call_in.upstream_host import UpstreamAnswer, UpstreamHost, UpstreamRequest

M2M_HOST = "m.m"  # what the document's request has as its Host
CONTENT_TYPE = "application/json"

_PLAIN_PORT = 80
_BUSY = 429


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a message is sent.

    Attributes:
        base: Scheme, host and port.
        target: The path.
        host: The ``Host`` field; "" for the one that the address gives.
    """

    base: str
    target: str
    host: str = ""

    @property
    def shown(self) -> str:
        """The whole address, for people."""
        return self.base + self.target


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: From 200 to 299.
        downlink: The message to the device; empty if none came.
        unread_bytes: The length of a body that is no SenML; 0 if there is none.
    """

    status: int
    downlink: tuple[Measurement, ...]
    unread_bytes: int


def m2m_endpoint(address: str) -> Endpoint:
    """Return the plain way.

    Args:
        address: An IP address, or an address and a port: ``10.151.236.157:80``, ``[::1]:8080``.

    Raises:
        UsageError: It is something else, such as a host name.
    """
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port or _PLAIN_PORT
    except ValueError:
        host, port = "", 0
    found = read_address(host)
    if found is None or address.rpartition("@")[1] or parts.path:
        raise UsageError(
            f"{address[:100]!r} is not an IP address, with or without a port",
            "The private network has no DNS. Write m2m_address as 10.151.236.157 or 10.151.236.157:80.",
        )
    shown = f"[{found}]" if ":" in str(found) else str(found)
    return Endpoint(f"http://{shown}:{port}", PATH, M2M_HOST)


def internet_endpoint(url: str) -> Endpoint:
    """Return the way over the internet.

    Args:
        url: An https address with a path.
    """
    base, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return Endpoint(base + slashes + host, slash + path)


def send(endpoint: Endpoint, body: bytes, secret: Secret | None, seconds: float, trust_pem: str = "") -> UpstreamAnswer:
    """Send one message, once. Whatever the status, the answer is returned.

    Args:
        endpoint: Where to.
        body: The pack, to the byte as it was hashed.
        secret: The device's. None: no token is sent.
        seconds: The time limit of the whole call.
        trust_pem: CAs for https, as PEM; "" for those that this machine trusts.

    Raises:
        UpstreamSilent: There is no whole answer. The message may have arrived anyway.
        UsageError: The address cannot be used.
    """
    fields = {"Content-Type": CONTENT_TYPE}
    if endpoint.host:
        fields["Host"] = endpoint.host
    if secret is not None:
        fields[SENT_FIELD] = message_token(body, secret)
    host = UpstreamHost(Upstream(endpoint.base, seconds, trust_pem), connections=1)
    try:
        return host.call(UpstreamRequest("POST", endpoint.target, body, fields))
    except UpstreamSilent as error:
        raise UpstreamSilent(
            error.sentence, "Check that this machine reaches it. The plain way needs a SIM of KPN Things."
        ) from None


def read_reply(answer: UpstreamAnswer, endpoint: Endpoint, at: datetime) -> Reply:
    """Read an answer. A downlink is recognised by its content, because its media type is not known for sure.

    The document's table of response codes is lost. So this is our reading: 2xx is accepted, 429 and 5xx are worth
    another try, anything else is final.

    Raises:
        Refused: The message was refused for good.
        NotPossible: It was not accepted this time.
    """
    where = f"{endpoint.shown} answered {answer.status}"
    if answer.status == _BUSY or answer.status >= 500:
        raise NotPossible(where, "Try again later." + _wait(answer), code="kpn.later")
    if not 200 <= answer.status < 300:
        raise Refused(where, _FINAL.get(answer.status, "Sending it again unchanged will not help."), code="kpn.refused")
    if not answer.body.strip():
        return Reply(answer.status, (), 0)
    try:
        return Reply(answer.status, read_pack(answer.body, at), 0)
    except BodyInvalid:
        return Reply(answer.status, (), len(answer.body))


_FINAL = {
    401: "Check the device's secret, and that it is registered under this name.",
    404: "Check the address.",
}


def _wait(answer: UpstreamAnswer) -> str:
    return "" if answer.retry_seconds is None else f" It asks to wait {answer.retry_seconds} s."
