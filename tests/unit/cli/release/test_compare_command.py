"""``engage release compare``: two releases side by side."""

import json
from pathlib import Path

from tests.support.commands import engage, ok


def test_what_is_different_is_marked(installation: Path) -> None:
    """The anchor, and that the second one has fewer names."""
    ok(engage(installation, "chain", "build", "second", "--host", "localhost"))
    engage(installation, "release", "stage", "second")  # it is not for all hosts, but staged
    printed = ok(engage(installation, "release", "compare", "1", "2"))
    lines = {line.split("  ")[0]: line for line in printed.splitlines()}
    assert " * " in lines["anchor"]
    assert "no door is known to accept release 1 for certain" in printed
    told = json.loads(ok(engage(installation, "release", "compare", "1", "2", "--json")))
    assert (told["site"], told["first"], told["second"], told["doors"]["devices"]) == ("main", 1, 2, 0)
    same = {row["what"]: row["same"] for row in told["rows"]}
    assert same["anchor"] is False
    assert all(row["same"] == (row["first"] == row["second"]) for row in told["rows"])


def test_a_release_that_is_not_there(installation: Path) -> None:
    assert "release 9" in engage(installation, "release", "compare", "1", "9").stderr


def test_who_staged_and_served_it_is_shown(installation: Path) -> None:
    shown = ok(engage(installation, "release", "show", "1"))
    staged, activated = (line for line in shown.splitlines() if line.startswith(("staged", "activated")))
    assert " UTC by " in staged
    assert " UTC by " in activated
