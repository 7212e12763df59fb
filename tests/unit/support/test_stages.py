"""The stage of pages on which nights pass: its clock, its doors, and what it does not know."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engage_server.cli.session import Session
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.simulated_days import SimulatedDays, simulated_days


def doors(stage: SimulatedDays, *options: str) -> list[Any]:
    found = json.loads(stage.run(" ".join(("engage device list --json", *options))).shown)
    assert isinstance(found, list)
    return found


def test_nights_pass_and_doors_call_by_the_clock_of_the_stage() -> None:
    with simulated_days() as stage:
        began = Session(None).now()
        assert {each["last_seen"] for each in doors(stage)} == {"2026-11-21T02:00:00+00:00"}
        stage.happen("2 nights")
        assert {each["last_seen"] for each in doors(stage)} == {"2026-11-23T02:00:00+00:00"}
        assert (Session(None).now().date() - began.date()).days == 2
        assert doors(stage, "--troubled") == []
        stage.happen("doors call doors.example.org")
        stage.happen("a night")
        assert len(doors(stage, "--troubled")) == 3, "the certificate is not for that name"
        with pytest.raises(PageInvalid, match="an earthquake"):
            stage.happen("an earthquake")
    assert abs((Session(None).now() - datetime.now(UTC)).total_seconds()) < 60, "the clock is put back"
