"""When a chain began: told once, of the certificate that decides."""

from datetime import timedelta

import pytest

from engage_server.checks.rules.validity_rules import tolerates_wrong_clocks
from tests.support.chains import NOW
from tests.support.defects import ROLES, right_plan

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("begun", "named"),
    [
        ({"root": 1, "intermediate": 1, "server": 1}, "server"),
        ({"root": 3, "intermediate": 2, "server": 1}, "server"),
        ({"root": 1, "intermediate": 200, "server": 200}, "root"),
        ({"root": 200, "intermediate": 23, "server": 23.5}, "intermediate"),
        ({"root": 24, "intermediate": 24, "server": 24}, ""),
    ],
)
def test_the_one_that_began_last_is_named(begun: dict[str, float], named: str) -> None:
    plan = right_plan()
    for role in ROLES:
        plan.drafts[role].since = NOW - begun[role] * HOUR
    findings = list(tolerates_wrong_clocks(plan.case()))
    names = {role: plan.drafts[role].name.rfc4514_string().removeprefix("CN=") for role in ROLES}
    assert [finding.certificate for finding in findings] == ([names[named]] if named else [])


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "less than an hour ago"), (59, "less than an hour ago"), (60, "an hour ago"), (150, "2 hours ago")],
)
def test_how_long_ago_is_said_in_words(minutes: int, words: str) -> None:
    plan = right_plan()
    plan.drafts["server"].since = NOW - timedelta(minutes=minutes)
    (finding,) = tolerates_wrong_clocks(plan.case())
    assert f"it became valid {words}" in finding.sentence
