"""Moves rotations on by itself: whatever the gate allows, and back where too many devices are lost."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engage_server.composition import Occasion, OperatorSide
from engage_server.errors import Conflict, EngageError
from engage_server.serving.boot_clock import boot_clock

ACTOR = "the servers themselves"


class RotationThread:
    """Looks at every rotation that is going on, over and over.

    Each host has one; they may look at the same moment: the store lets one move a rotation, and the other look again.

    Args:
        open_side: Opens the services.
        seconds: Between two looks.
        log: Where each step is told, and trouble, and its end: once each.
        tell_states: Called with the state of each rotation that is going on, by site.
    """

    def __init__(
        self,
        open_side: Callable[[], OperatorSide],
        seconds: float,
        log: logging.Logger,
        tell_states: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._open_side = open_side
        self._seconds = seconds
        self._log = log
        self._tell_states = tell_states
        self._side: OperatorSide | None = None
        self._trouble = ""

    def start(self) -> None:
        """Begin, until the process ends."""
        threading.Thread(target=self._run, name="rotations", daemon=True).start()

    def look_once(self) -> None:
        """Move on whatever may be moved on.

        Raises:
            EngageError: The store is away, or can not be opened.
        """
        self._side = self._side or self._open_side()
        rotations = self._side.rotations
        for rotation in rotations.all():
            if not rotation.state.is_open:
                continue
            try:
                for told in rotations.go_on(rotation.site, Occasion(ACTOR, datetime.now(UTC), boot_clock())):
                    self._log.warning("rotation of %s: %s", rotation.site, told)
            except Conflict as conflict:  # a person or another host was faster: look again next time
                self._log.info("rotation of %s: %s", rotation.site, conflict)
        self._tell_states({each.site: each.state.value for each in rotations.all() if each.state.is_open})

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look_once()
                self._tell("")
            except EngageError as error:
                self._tell(str(error))
            except Exception:  # a defect must not end it: a rotation would stand still, and nothing turn back
                self._log.exception("looking at rotations failed")
            pause.wait(self._seconds)

    def _tell(self, trouble: str) -> None:
        if trouble and not self._trouble:
            self._log.error("rotations do not go on by themselves: %s", trouble)
        elif self._trouble and not trouble:
            self._log.info("rotations go on again")
        self._trouble = trouble
