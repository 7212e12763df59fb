"""The services for what the operators' instance does by itself. They are opened when first needed, and kept."""

import threading
from collections.abc import Callable

from engage_server.composition.operator_side import OperatorSide

ACTOR = "the servers themselves"


class ActingSide:
    """Opens the services once, for all threads. If opening fails, the next use tries again.

    Args:
        open_side: Opens them. Raises EngageError.
    """

    def __init__(self, open_side: Callable[[], OperatorSide]) -> None:
        self._open_side = open_side
        self._side: OperatorSide | None = None
        self._opening = threading.Lock()

    def get(self) -> OperatorSide:
        """Return the services.

        Raises:
            EngageError: They cannot be opened now.
        """
        with self._opening:
            self._side = self._side or self._open_side()
            return self._side
