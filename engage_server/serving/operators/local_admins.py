"""Warns while nobody could sign in if the OpenID provider were down."""

import logging

from engage_server.serving.operators.acting_side import ActingSide
from engage_server.serving.operators.repeating import Sentences

SECONDS = 3600.0
SENTENCES = Sentences(
    "whether a local admin exists is not known",
    "whether a local admin exists is known again",
    "looking for a local admin failed",
)
WARNING = (
    "no admin has a password: while the OpenID provider is down, nobody can sign in. "
    "next: engage people add NAME --role admin"
)


class LocalAdmins:
    """Looks for a local admin.

    Args:
        side: The services.
        log: Where the warning goes.
    """

    def __init__(self, side: ActingSide, log: logging.Logger) -> None:
        self._side = side
        self._log = log

    def look(self) -> None:
        """Log a warning if there is none.

        Raises:
            EngageError: The store is down.
        """
        if not self._side.get().access.people.has_local_admin():
            self._log.warning(WARNING)
