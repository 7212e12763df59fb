"""Decides who may see the metrics."""

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from engage_server.errors import NotPossible, Refused
from engage_server.services.access.permissions import Act, assert_may
from engage_server.services.access.tokens import Tokens

_REMEMBERED = timedelta(hours=24)
_MOST_REMEMBERED = 64


class MetricsGate:
    """Lets everybody of this machine see the metrics, and from elsewhere those with a token.

    The metrics matter most while the database is away. So a token that was accepted within a day is accepted then, too.

    Args:
        tokens: Returns what knows the tokens. Raises EngageError.
        now: The clock; aware, UTC.
        is_store_away: Whether the database did not answer lately: then it is not asked again for this.
        is_open: Whether no token is needed.
    """

    def __init__(
        self,
        tokens: Callable[[], Tokens],
        now: Callable[[], datetime],
        is_store_away: Callable[[], bool],
        *,
        is_open: bool,
    ) -> None:
        self._tokens = tokens
        self._now = now
        self._is_store_away = is_store_away
        self._is_open = is_open
        self._accepted: dict[bytes, datetime] = {}  # by the digest of the token
        self._lock = threading.Lock()

    def assert_may_see(self, token: str) -> None:
        """Refuse a caller without a token that may see them.

        Args:
            token: "" for none.

        Raises:
            Refused: There is none (``token.missing``), it is not good, or it may not see the metrics.
            NotPossible: The database is away, and the token was not accepted lately.
        """
        if self._is_open:
            return
        if not token:
            raise Refused(
                "the metrics of this listener need a token",
                "Make one: engage token add NAME --role viewer. Send it as: Authorization: Bearer TOKEN",
                code="token.missing",
            )
        now, digest = self._now(), hashlib.sha256(token.encode()).digest()
        if self._is_store_away() and self._was_accepted(digest, now):
            return
        try:
            assert_may(self._tokens().actor(token, now), Act.METRICS_SEE)
        except Refused:
            with self._lock:
                self._accepted.pop(digest, None)
            raise
        except NotPossible:
            if not self._was_accepted(digest, now):
                raise
            return
        self._remember(digest, now)

    def _was_accepted(self, digest: bytes, now: datetime) -> bool:
        with self._lock:
            at = self._accepted.get(digest)
        return at is not None and now - at < _REMEMBERED

    def _remember(self, digest: bytes, now: datetime) -> None:
        with self._lock:
            self._accepted.pop(digest, None)
            self._accepted[digest] = now
            if len(self._accepted) > _MOST_REMEMBERED:
                del self._accepted[next(iter(self._accepted))]
