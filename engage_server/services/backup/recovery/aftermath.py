"""Changes the rows of a backup that must not come back as they were. Pure.

What happened after the backup is not in it: alerts were sent, messages delivered, and doors called.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from engage_server.records import DownlinkStatus, OutboxState, RotationState, least_generation

_Row = dict[str, Any]
_NIGHT = timedelta(hours=24)
_AHEAD = 1000  # generations: a worker that still runs somewhere must see a change, whatever it has seen since


class Aftermath:
    """Those changes, and how many there were.

    Args:
        made_at: When the backup was made.
        now: The time of the restore.

    Attributes:
        alerts: Alerts that waited, and are given up.
        downlinks: Messages to devices that waited, and are cancelled.
        rotations: Rotations that were under way, and are paused.
    """

    def __init__(self, made_at: datetime, now: datetime) -> None:
        self._made_at = made_at
        self._now = now
        self.alerts = 0
        self.downlinks = 0
        self.rotations = 0
        self._changes: dict[str, Callable[[_Row], None]] = {
            "installation": self._installation,
            "alert_outbox": self._alert,
            "kpn_downlinks": self._downlink,
            "rotations": self._rotation,
        }

    def rows(self, table: str, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of a table as they come back. A line that is no row passes: filling refuses it by its number.

        Args:
            table: The table.
            lines: Its rows, as :class:`engage_server.store.interface.copying.Picture` gives them.
        """
        change = self._changes.get(table)
        for line in lines:
            yield line if change is None else _changed(line, change)

    def _installation(self, row: _Row) -> None:
        row["generation"] = max(row["generation"] + _AHEAD, least_generation(self._now))

    def _alert(self, row: _Row) -> None:
        """An old alert must not look like a new one. Its row stays, so that it is not made again either."""
        if row["state"] in (OutboxState.WAITING, OutboxState.CLAIMED):
            self.alerts += 1
            row |= {"state": OutboxState.GIVEN_UP, "ended_at": _text(self._now), "held_until": None, "holder": ""}
            row |= {"version": row["version"] + 1, "trouble": f"it waited when the {self._of} was made"}
        elif row["state"] == OutboxState.HANDED_OVER:  # a webhook may repeat, but not after days
            row |= {"state": OutboxState.UNSURE, "ended_at": _text(self._now), "held_until": None, "holder": ""}
            row |= {"version": row["version"] + 1, "trouble": f"it was being sent when the {self._of} was made"}

    def _downlink(self, row: _Row) -> None:
        """A message may have reached its device after the backup: a second one could open a door again."""
        if row["status"] in (DownlinkStatus.QUEUED, DownlinkStatus.EXECUTING):
            self.downlinks += 1
            row |= {"status": DownlinkStatus.CANCELLED, "changed_at": _text(self._now)}

    def _rotation(self, row: _Row) -> None:
        """It is paused, nothing is judged for a night, and each further step needs a person.

        The evidence since the backup is missing. Without this, doors that called meanwhile would look silent, and the
        gate would roll all doors back. One that is being prepared serves nothing: a person finishes or aborts it.
        """
        if row["state"] not in (RotationState.WAITING, RotationState.RUNNING, RotationState.HELD):
            return
        self.rotations += 1
        why = f"the {self._of} was restored, and what doors did since then is not known"
        row |= {"state": RotationState.HELD, "why": why, "soaked_seconds": 0.0, "postponed_since": None}
        row |= {"unsure_until": _text(self._now + _NIGHT), "unsure_why": why}
        row |= {"looked_at": None, "looked_boot": "", "looked_clock": 0.0}
        row["policy"] = json.dumps(json.loads(row["policy"]) | {"asks": True})

    @property
    def _of(self) -> str:
        return f"backup of {self._made_at:%Y-%m-%d %H:%M} UTC"


def _changed(line: bytes, change: Callable[[_Row], None]) -> bytes:
    try:
        row = json.loads(line)
        change(row)
    except (ValueError, LookupError, TypeError, RecursionError):
        return line
    return json.dumps(row, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
