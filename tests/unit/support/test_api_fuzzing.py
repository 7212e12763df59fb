"""With what the judge of the API lets a valid request be refused: it reads the document as the document is written."""

import pytest

from tests.support.api_fuzzing import refusals_beyond_the_form
from tests.support.openapi_today import todays_document


@pytest.mark.parametrize(
    ("name", "refusals"),
    [
        ("list_sites", {"400"}),  # a cursor of another list
        ("get_site", set()),
        ("activate_release", {"422", "428"}),
        ("stage_release", {"422"}),
    ],
)
def test_codes_beyond_the_form_are_found(name: str, refusals: set[str]) -> None:
    operations = [operation for item in todays_document()["paths"].values() for operation in item.values()]
    (operation,) = (each for each in operations if each["operationId"] == name)
    assert set(refusals_beyond_the_form(operation)) == refusals
