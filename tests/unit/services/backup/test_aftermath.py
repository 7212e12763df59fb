"""What must not come back as it was: alerts and messages that waited, and rotations that were under way."""

import json
from datetime import timedelta
from typing import Any

import pytest

from engage_server.records import DownlinkStatus, OutboxState, RotationState, least_generation
from engage_server.services.backup.recovery.aftermath import Aftermath
from tests.support.chains import NOW

Row = dict[str, Any]
_MADE_AT = NOW - timedelta(days=2)
_ALERT: Row = {
    "state": "waiting",
    "version": 3,
    "ended_at": None,
    "held_until": "x",
    "holder": "gate-1/7",
    "trouble": "",
}
_DOWNLINK: Row = {"status": "queued", "changed_at": "then", "payload": "open"}
_ROTATION: Row = {
    "state": "running",
    "why": "",
    "soaked_seconds": 3600.0,
    "postponed_since": "then",
    "unsure_until": None,
    "unsure_why": "",
    "looked_at": "then",
    "looked_boot": "b",
    "looked_clock": 5.0,
    "policy": '{"asks":false,"soak_seconds":1}',
    "number": 4,
}


def _line(row: Row) -> bytes:
    return json.dumps(row, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _after(table: str, row: Row) -> tuple[Row, Aftermath]:
    aftermath = Aftermath(_MADE_AT, NOW)
    (line,) = aftermath.rows(table, [_line(row)])
    assert line.endswith(b"}\n")
    return json.loads(line), aftermath


@pytest.mark.parametrize("state", OutboxState)
def test_no_alert_of_before_is_sent(state: OutboxState) -> None:
    row, aftermath = _after("alert_outbox", _ALERT | {"state": state.value})
    ends = {OutboxState.WAITING: "given_up", OutboxState.CLAIMED: "given_up", OutboxState.HANDED_OVER: "unsure"}
    if state not in ends:
        assert (row, aftermath.alerts) == (_ALERT | {"state": state.value}, 0)
        return
    assert (row["state"], row["version"], row["holder"]) == (ends[state], 4, "")
    assert aftermath.alerts == (state is not OutboxState.HANDED_OVER), "that one may have arrived"
    assert row["ended_at"] == f"{NOW:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert f"{_MADE_AT:%Y-%m-%d %H:%M}" in row["trouble"]


@pytest.mark.parametrize("status", DownlinkStatus)
def test_only_messages_that_waited_are_cancelled(status: DownlinkStatus) -> None:
    """A second one could open a door again."""
    row, aftermath = _after("kpn_downlinks", _DOWNLINK | {"status": status.value})
    waited = status in (DownlinkStatus.QUEUED, DownlinkStatus.EXECUTING)
    assert row["status"] == (DownlinkStatus.CANCELLED.value if waited else status.value)
    assert (row["changed_at"] == "then", aftermath.downlinks) == (not waited, int(waited))
    assert row["payload"] == "open"


@pytest.mark.parametrize("state", RotationState)
def test_rotations_under_way_are_paused_for_a_night_and_ask(state: RotationState) -> None:
    row, aftermath = _after("rotations", _ROTATION | {"state": state.value})
    if state not in (RotationState.WAITING, RotationState.RUNNING, RotationState.HELD):
        assert (row, aftermath.rotations) == (_ROTATION | {"state": state.value}, 0)
        return
    assert (row["state"], row["number"], aftermath.rotations) == ("held", 4, 1)
    assert row["unsure_until"] == f"{NOW + timedelta(hours=24):%Y-%m-%dT%H:%M:%S.%f}Z"
    assert (row["soaked_seconds"], row["postponed_since"], row["looked_at"]) == (0.0, None, None)
    assert json.loads(row["policy"]) == {"asks": True, "soak_seconds": 1}
    assert "what doors did since then is not known" in row["why"]


def test_a_worker_sees_a_change_whatever_it_has_seen() -> None:
    row, _ = _after("installation", {"generation": 7})
    assert row["generation"] == least_generation(NOW), "no worker that still runs has a greater one"
    ahead = least_generation(NOW) + 5
    row, _ = _after("installation", {"generation": ahead})
    assert row["generation"] > ahead + 500


def test_other_rows_pass_as_they_are_and_so_does_what_is_no_row() -> None:
    """Filling refuses that, by the number of its line."""
    aftermath = Aftermath(_MADE_AT, NOW)
    lines = [b'{"state":"waiting"}\n', b"no row\n", b"[1]\n"]
    assert list(aftermath.rows("devices", lines)) == lines
    assert list(aftermath.rows("rotations", lines[1:])) == lines[1:]
