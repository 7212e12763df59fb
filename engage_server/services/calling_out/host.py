"""Makes one call to a system of others, within its time limit, whatever the system does.

The result is a status, the header fields and a whole body. No redirect is followed, and nothing is sent twice.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import urllib3

from engage_server.errors import UpstreamSilent
from engage_server.services.calling_out.deadline import WatchedPool, WatchedTlsPool, deadline
from engage_server.services.calling_out.reasons import reason_of

MAX_ANSWER_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_MAX_RETRY_DIGITS = 10


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """What came back.

    Attributes:
        status: The HTTP status.
        body: The whole body.
        fields: The header fields. Names are found in any spelling.
    """

    status: int
    body: bytes = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)

    @property
    def retry_seconds(self) -> int | None:
        """After how many seconds to call again, if the system says so (Retry-After, RFC 9110 section 10.2.3).

        None for nothing, or for a date, because it is not known whose clock is right.
        """
        text = self.fields.get("Retry-After", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < _MAX_RETRY_DIGITS else None


class OutsideHost:
    """A system of others. Safe for many threads, which share its connections.

    Args:
        base: Scheme, host, port and what precedes each path. It was checked before.
        trust: Whom to trust for TLS.
        connections: How many connections are kept.
        seconds: The time limit of one whole call.
    """

    def __init__(self, base: str, trust: ssl.SSLContext, connections: int, seconds: float) -> None:
        self._base = base.rstrip("/")
        self._seconds = seconds
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=connections, retries=False, ssl_context=trust)
        self._pool.pool_classes_by_scheme = {"http": WatchedPool, "https": WatchedTlsPool}

    def call(self, method: str, target: str, body: bytes | None, fields: Mapping[str, str], fix: str) -> WholeAnswer:
        """Make a call.

        Args:
            method: The HTTP method.
            target: Path and query, behind the base.
            body: None for none.
            fields: Header fields. They may be secret.
            fix: What to do if there is no answer.

        Raises:
            UpstreamSilent: It did not answer in time, or not with HTTP. Or its answer is incomplete or too long. Or its
                certificate does not lead to a trusted CA. It may have accepted the call anyway.
        """
        try:
            with deadline(self._seconds) as seconds:
                return self._call(method, target, body, fields, seconds)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UpstreamSilent(f"{self._base} does not answer: {reason_of(error)}", fix) from None

    def _call(
        self, method: str, target: str, body: bytes | None, fields: Mapping[str, str], seconds: float
    ) -> WholeAnswer:
        response = self._pool.request(
            method,
            self._base + target,
            body=body,
            headers={"Accept": "application/json", **fields, "Accept-Encoding": "identity"},
            timeout=urllib3.Timeout(connect=seconds, read=seconds),
            redirect=False,
            preload_content=False,
        )
        try:
            content = bytearray()
            for piece in response.stream(_PIECE_BYTES):
                content += piece
                if len(content) > MAX_ANSWER_BYTES:
                    response.close()
                    raise OSError(f"its answer has more than {MAX_ANSWER_BYTES} bytes")
            if response.length_remaining:
                raise OSError("its answer broke off")
            return WholeAnswer(response.status, bytes(content), response.headers)
        finally:
            response.release_conn()
