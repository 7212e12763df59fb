"""``engage site calendar``: the last safe days as a file for calendars."""

import json
from pathlib import Path

from icalendar import Calendar

from tests.support.commands import engage, ok


def test_the_file_has_the_days_of_the_status(installation: Path) -> None:
    """Its lines end as the format wants it."""
    written = ok(engage(installation, "site", "calendar", "main"))
    status = json.loads(engage(installation, "status", "--json").stdout)
    wanted = [each["last_safe_start"][:10] for each in status["sites"][0]["certificates"]]
    days = [str(event.start) for event in Calendar.from_ical(written).events]
    assert days == wanted
    told = json.loads(ok(engage(installation, "site", "calendar", "main", "--json")))
    assert [each["last_safe_day"] for each in told] == wanted
    assert [each["role"] for each in told] == ["server", "intermediate", "root"]


def test_a_site_that_serves_nothing_has_no_file(installation: Path) -> None:
    (installation / "new.key").write_text("5A" * 32)
    ok(engage(installation, "site", "add", "new", "--host", "new.example.org", "--site-key-file", "new.key"))
    refused = engage(installation, "site", "calendar", "new")
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert "serves nothing yet" in refused.stderr
    assert json.loads(ok(engage(installation, "site", "calendar", "new", "--json"))) == []
