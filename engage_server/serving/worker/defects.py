"""Defects inside a worker: each is counted, each kind is logged once a minute, and one alone never ends the loop."""

import logging
import sys
import time
import traceback
from collections.abc import Callable

_QUIET_SECONDS = 60.0
_KINDS_KEPT = 100
_FAILED_TURNS_IN_A_ROW = 50
_PAUSE_SECONDS = 0.05


class Defects:
    """Counts and logs unexpected exceptions. Only the loop's thread uses it.

    Args:
        log: Gets the first of each kind with its traceback, and later ones of that kind once a minute.
        count: Called for each exception.
    """

    def __init__(self, log: logging.Logger, count: Callable[[], None] = lambda: None) -> None:
        self._log = log
        self._count = count
        self._kinds: dict[str, tuple[float, int]] = {}  # when it may be logged again, how many were left out
        self._in_a_row = 0

    def happened(self, what: str) -> None:
        """Record the exception that is being handled. For an ``except`` block.

        Args:
            what: What could not be done, for the log. Must not contain anything that a client sent.
        """
        self._count()
        left_out = self._left_out(f"{what} {_place(sys.exc_info()[1])}")
        if left_out is not None:
            self._log.exception("%s%s", what, _and_before(left_out))

    def expected(self, sentence: str) -> None:
        """Log trouble that is no defect, and that clients can cause as often as they like. It is not counted."""
        left_out = self._left_out(sentence)
        if left_out is not None:
            self._log.warning("%s%s", sentence, _and_before(left_out))

    def unraisable(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Replace Python's "Exception ignored in ..." on standard error. It shows no object: a client may fill it."""
        self._count()
        kind = f"an exception was ignored, {ignored.exc_type.__name__} in a {type(ignored.object).__name__}"
        left_out = self._left_out(kind)
        if left_out is not None:
            self._log.error("%s%s", kind, _and_before(left_out))

    def turn_failed(self, error: Exception) -> None:
        """Record that a whole turn of the loop failed.

        Pauses for a moment, so that a loop that makes no progress uses no CPU. If turn after turn fails, raises the
        exception. gunicorn then replaces the worker: nothing else is left to try.
        """
        self.happened("a turn of the worker's loop failed")
        self._in_a_row += 1
        if self._in_a_row >= _FAILED_TURNS_IN_A_ROW:
            raise error
        time.sleep(_PAUSE_SECONDS)

    def turn_succeeded(self) -> None:
        """Record that a turn succeeded again."""
        self._in_a_row = 0

    def _left_out(self, kind: str) -> int | None:
        """Return None if the kind was logged in the last minute; else how many of it were left out since."""
        now = time.monotonic()
        quiet_until, left_out = self._kinds.get(kind, (0.0, 0))
        if now < quiet_until:
            self._kinds[kind] = quiet_until, left_out + 1
            return None
        if len(self._kinds) >= _KINDS_KEPT:
            self._kinds.clear()
        self._kinds[kind] = now + _QUIET_SECONDS, 0
        return left_out


def _and_before(left_out: int) -> str:
    return f" (and {left_out} more since it was last logged)" if left_out else ""


def _place(error: BaseException | None) -> str:
    """Name the kind of a defect: its class, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
