"""Makes one call to a partner's own system, within its time limit, whatever the system does.

The result is a status, a whole body, and the two header fields that mean something to a device. No other header field
reaches a device, so no answer is chunked, compressed or redirected.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engage_server.records import Upstream
from engage_server.services.calling_out.host import OutsideHost
from engage_server.services.sites.upstream_address import assert_usable, trust_of

LAST_CONNECTED = "X-Device-Last-Connected"  # the protocol notes, section 5
_TIME = re.compile("[0-9]{14}")  # YYYYMMDDHHMMSS


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """The request that is passed on.

    Attributes:
        method: The HTTP method.
        target: Path and query, as the device sent them.
        body: The body as the device sent it; None for none.
        headers: Authorization, Content-Type, and the caller's address and serial number. Secret.
    """

    method: str
    target: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The system's answer.

    Attributes:
        status: The HTTP status.
        body: The whole body.
        retry_seconds: After how many seconds to call again, if the system says so (Retry-After, RFC 9110 section
            10.2.3). None for nothing, or for a date, because it is not known whose clock is right.
        last_connected: The time that it gives the device for its next token (X-Device-Last-Connected, 14 digits); ""
            if it gives none, or another text.
    """

    status: int
    body: bytes = field(repr=False)
    retry_seconds: int | None = None
    last_connected: str = ""


class UpstreamHost:
    """A partner's system. Safe for many threads, which share its connections.

    Args:
        upstream: Its address, and the CAs to trust.
        connections: How many connections are kept.

    Raises:
        UsageError: The address or the certificates cannot be used.
    """

    def __init__(self, upstream: Upstream, connections: int) -> None:
        assert_usable(upstream)
        trust = trust_of(upstream.trust_pem)
        self._host = OutsideHost(upstream.url, trust, connections, upstream.timeout_seconds)

    def call(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Pass a call on.

        Raises:
            UpstreamSilent: It did not answer in time, or not with HTTP. Or its answer is incomplete or too long. Or its
                certificate does not lead to a trusted CA. It may have accepted the call anyway.
        """
        answer = self._host.call(
            request.method,
            request.target,
            request.body,
            request.headers,
            "Check the upstream system, its certificate, and the network in between.",
        )
        return UpstreamAnswer(answer.status, answer.body, answer.retry_seconds, _last_connected(answer.fields))


def _last_connected(headers: Mapping[str, str]) -> str:
    text = headers.get(LAST_CONNECTED, "").strip()
    return text if _TIME.fullmatch(text) else ""
