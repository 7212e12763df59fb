"""Advances rotations by itself as far as the gate allows, and rolls them back if too many devices are lost."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from engage_server.errors import Conflict
from engage_server.records import Occasion
from engage_server.serving.boot_clock import boot_clock
from engage_server.serving.operators.acting_side import ACTOR, ActingSide
from engage_server.serving.operators.repeated.repeating import Sentences

SENTENCES = Sentences("rotations do not go on by themselves", "rotations go on again", "checking rotations failed")


class OpenRotations:
    """All open rotations.

    Every host checks them, and two may check at the same moment. The store then lets one advance the rotation, and the
    other tries again later.

    Args:
        side: The services.
        log: Where each step is logged.
        tell_states: Called with the state of each open rotation, by site.
    """

    def __init__(self, side: ActingSide, log: logging.Logger, tell_states: Callable[[Mapping[str, str]], None]) -> None:
        self._side = side
        self._log = log
        self._tell_states = tell_states

    def go_on(self) -> None:
        """Advance every rotation that may go on.

        Raises:
            EngageError: The store is down, or cannot be opened.
        """
        rotations = self._side.get().rotations
        for rotation in rotations.all():
            if not rotation.state.is_open:
                continue
            try:
                occasion = Occasion(ACTOR, datetime.now(UTC), boot_clock())
                tell = partial(self._log.warning, "rotation of %s: %s", rotation.site)
                rotations.go_on(rotation.site, occasion, tell)
            except Conflict as conflict:  # a person or another host was faster: try again next time
                self._log.info("rotation of %s: %s", rotation.site, conflict)
        self._tell_states({each.site: each.state.value for each in rotations.all() if each.state.is_open})
