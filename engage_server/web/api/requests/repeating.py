"""Requests with an Idempotency-Key: the effect happens once, and anyone who asks again gets the answer again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engage_server.errors import Conflict, EngageError, UsageError
from engage_server.records import AuditEntry, KeyedRequest
from engage_server.web.api.route import Answer

FIELD = "Idempotency-Key"


class Repeating:
    """Knows which requests are being carried out by this process. What was carried out, the store knows.

    Two hosts may begin the same request at once. The second one's act or transaction fails then, and it answers as the
    first.
    """

    def __init__(self) -> None:
        self._going_on: set[str] = set()
        self._lock = threading.Lock()

    def answer(
        self,
        request: KeyedRequest,
        entry: Callable[[], AuditEntry | None],
        act: Callable[[], Answer[Any]],
        again: Callable[[AuditEntry], Answer[Any]],
    ) -> tuple[Answer[Any], bool]:
        """Carry a request out, or answer it again.

        Args:
            request: The request.
            entry: Returns the entry of what it did, if it was carried out.
            act: Carries it out.
            again: Makes the answer from the entry.

        Returns:
            The answer, and whether the effect had happened before.

        Raises:
            Conflict: It is being carried out now (``idempotency.in_progress``).
        """
        with self._alone(request.digest):
            done = entry()
            if done is not None:
                return again(done), True
            try:
                return act(), False
            except EngageError as error:
                # The effect may be there: another host was faster, or the connection was lost at the commit.
                done = entry()
                if done is None:
                    raise
                return _again_or(error, again, done), True

    @contextmanager
    def _alone(self, digest: str) -> Iterator[None]:
        with self._lock:
            if digest in self._going_on:
                raise Conflict(
                    "this request is being carried out now", "Send it again later.", code="idempotency.in_progress"
                )
            self._going_on.add(digest)
        try:
            yield
        finally:
            with self._lock:
                self._going_on.discard(digest)


def _again_or(error: EngageError, again: Callable[[AuditEntry], Answer[Any]], done: AuditEntry) -> Answer[Any]:
    """The answer again. An act that failed halfway may have none: then its own error says more than the second one."""
    try:
        return again(done)
    except EngageError:
        raise error from None


def key_in(fields: list[str]) -> str:
    """Return the key of a request.

    Raises:
        UsageError: There is none, or several (``idempotency.missing``).
    """
    if len(fields) != 1:
        raise UsageError(
            f"this request needs one field {FIELD}, so that sending it twice does it once",
            f"Send a value that you never used before: {FIELD}: UUID. Send the same one again after a lost answer.",
            code="idempotency.missing",
        )
    return fields[0]
