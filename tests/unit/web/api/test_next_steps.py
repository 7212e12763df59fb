"""What a caller is told to do is something that a caller of the API can do."""

import re

import pytest

from engage_server.web.api.next_steps import NEXT_STEPS
from engage_server.web.api.problem_codes import PROBLEM_CODES
from tests.support.api import Api
from tests.support.raised_errors import raised_errors

_OTHER_FACES = ("cli/", "links/", "lock/", "__main__.py")
_COMMAND = re.compile(r"'?\bengage(?: [a-z-]+)+(?: --?[a-z-]+|(?: [A-Z{}=]+))*'?")
_OF_A_COMMAND_LINE = re.compile(r"(?<!\w)--[a-z]|this command")
# what is said depends on the case, and was read by a person
_SAID_BY_CASE = {
    "certificate.invalid",
    "body.invalid",
    "content.keystore",
    "content.no_certificate",
    "file.not_usable",
}


def _is_for_a_caller(step: str) -> bool:
    return _OF_A_COMMAND_LINE.search(_COMMAND.sub("", step)) is None


def test_no_next_step_names_an_option_without_its_command() -> None:
    found = [each for each in raised_errors(_OTHER_FACES) if each.code in PROBLEM_CODES]
    assert len(found) > 60
    assert len({each.code for each in found}) > 30
    for each in found:
        said = NEXT_STEPS.get(each.code, each.next_step)
        if said is None:
            assert each.code in _SAID_BY_CASE, f"{each.where}: a row in NEXT_STEPS, or somebody who reads it"
        else:
            assert _is_for_a_caller(said), f"{each.where}: {each.code}: {said}"


@pytest.mark.parametrize(
    ("step", "is_fine"),
    [
        ("Repeat this command, and accept each error: --override CODE=REASON.", False),
        ("Give one: --reason TEXT", False),
        ("Give one with engage token. Then add --role ROLE.", False),
        ("Make one: engage token add NAME --role ROLE", True),
        ("Send it in the field reason.", True),
    ],
)
def test_an_option_without_its_command_is_found(step: str, is_fine: bool) -> None:
    assert _is_for_a_caller(step) is is_fine


def test_every_row_is_of_a_code_that_callers_may_get() -> None:
    assert set(NEXT_STEPS) <= set(PROBLEM_CODES)
    assert all(_is_for_a_caller(step) for step in NEXT_STEPS.values())


def test_a_problem_has_it_and_lists_no_site_of_others(api: Api) -> None:
    answer = api.system(sites=("gone",)).get("/sites/gone")
    assert answer.json is not None
    assert answer.json["code"] == "site.not_found"
    assert answer.json["next_step"] == NEXT_STEPS["site.not_found"]
    assert "main" not in answer.text
