"""The stage of pages on which nights pass: its clock, its doors, and what it does not know."""

from datetime import UTC, datetime

import pytest

from engage_server.cli.session import Session
from tests.support.transcripts.page import PageInvalid
from tests.support.transcripts.simulated_days import FIRST_DAY, simulated_days


def test_nights_pass_and_doors_call_by_the_clock_of_the_stage() -> None:
    with simulated_days() as stage:
        before = stage.run("engage device list").shown
        assert before.count("finished TLS  2026-11-21 02:00") == 3
        began = Session(None).now()
        stage.happen("2 nights")
        assert stage.run("engage device list").shown.count("finished TLS  2026-11-23 02:00") == 3
        assert (Session(None).now().date() - began.date()).days == 2
        stage.happen("doors call doors.example.org")
        stage.happen("a night")
        refused = stage.run("engage device list --troubled").shown
        assert refused.count("0000000000000000A0B10000000000") >= 3, "the certificate is not for that name"
        with pytest.raises(PageInvalid, match="an earthquake"):
            stage.happen("an earthquake")
    assert Session(None).now() != began
    assert abs((Session(None).now() - datetime.now(UTC)).total_seconds()) < 60
    assert began > FIRST_DAY
