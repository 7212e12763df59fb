"""Moves rotations on by itself: whatever the gate allows, and back where too many devices are lost."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from engage_server.errors import Conflict
from engage_server.records import Occasion
from engage_server.serving.boot_clock import boot_clock
from engage_server.serving.operators.acting_side import ACTOR, ActingSide
from engage_server.serving.operators.repeating import Sentences

SENTENCES = Sentences("rotations do not go on by themselves", "rotations go on again", "looking at rotations failed")


class OpenRotations:
    """Every rotation that is going on.

    Each host looks; two may look at the same moment: the store lets one move a rotation, and the other look again.

    Args:
        side: The services.
        log: Where each step is told.
        tell_states: Called with the state of each rotation that is going on, by site.
    """

    def __init__(self, side: ActingSide, log: logging.Logger, tell_states: Callable[[Mapping[str, str]], None]) -> None:
        self._side = side
        self._log = log
        self._tell_states = tell_states

    def go_on(self) -> None:
        """Move on whatever may be moved on.

        Raises:
            EngageError: The store is away, or cannot be opened.
        """
        rotations = self._side.get().rotations
        for rotation in rotations.all():
            if not rotation.state.is_open:
                continue
            try:
                occasion = Occasion(ACTOR, datetime.now(UTC), boot_clock())
                tell = partial(self._log.warning, "rotation of %s: %s", rotation.site)
                rotations.go_on(rotation.site, occasion, tell)
            except Conflict as conflict:  # a person or another host was faster: look again next time
                self._log.info("rotation of %s: %s", rotation.site, conflict)
        self._tell_states({each.site: each.state.value for each in rotations.all() if each.state.is_open})
