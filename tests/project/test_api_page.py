"""The answers that docs/api.md shows are those of today's routes."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from engage_server.web.api.routes.table import ROUTES
from tests.project.api_page import ANSWERS

_SHOWN = sorted(ANSWERS.glob("*.json"))
_MAIN = {
    "get_caller",
    "get_site_status",
    "stage_release",
    "check_chain",
    "get_device",
    "put_device_database",
    "list_uploads",
}


def _is_answer(name: str, shown: Any) -> bool:
    """Whether a route could answer this today, with each of its fields and no other."""
    (route,) = (route for route in ROUTES if route.name == name)
    try:
        read = TypeAdapter(route.answer).validate_json(json.dumps(shown))
    except ValidationError:
        return False
    return set(read) == set(shown)


@pytest.mark.parametrize("path", _SHOWN, ids=lambda path: path.stem)
def test_a_shown_answer_is_one_of_its_route(path: Path) -> None:
    assert _is_answer(path.stem, json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", _SHOWN, ids=lambda path: path.stem)
def test_one_that_lacks_a_field_or_has_an_unknown_one_is_found(path: Path) -> None:
    shown = json.loads(path.read_text(encoding="utf-8"))
    first = next(iter(shown))
    assert not _is_answer(path.stem, {name: value for name, value in shown.items() if name != first})
    assert not _is_answer(path.stem, {**shown, "no_such_field": 1})


def test_the_main_routes_show_an_answer() -> None:
    assert {path.stem for path in _SHOWN} >= _MAIN
