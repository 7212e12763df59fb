"""Puts callers on their site's list, at sites that enroll unknown devices."""

import logging
from datetime import UTC, datetime

from engage_server.records import Occasion
from engage_server.serving.operators.acting_side import ACTOR, ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences

SECONDS = 5.0
SENTENCES = Sentences(
    "callers are not put on lists", "callers are put on lists again", "putting callers on lists failed"
)


class CallersOntoLists:
    """Puts callers on their site's list.

    Args:
        side: The services.
        log: Where each one is logged.
    """

    def __init__(self, side: ActingSide, log: logging.Logger) -> None:
        self._side = side
        self._log = log

    def enrol(self) -> None:
        """Enroll the callers that wait.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        self._side.get().enrolment.run(Occasion(ACTOR, datetime.now(UTC)), self._log.info)
