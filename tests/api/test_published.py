"""What clients of the API rely on stays: removing or narrowing it fails here."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from engage_server import __version__
from tests.support.openapi_changes import narrowings, shape
from tests.support.openapi_published import ACCEPTED, PUBLISHED, accepted_narrowings, is_due, publish, undecided
from tests.support.openapi_today import todays_document

Json = dict[str, Any]


@pytest.fixture(scope="module")
def today() -> Json:
    return todays_document()


@pytest.fixture(scope="module")
def published() -> Json:
    kept: Json = json.loads(PUBLISHED.read_text())
    return kept


def test_nothing_published_is_gone_or_narrower(today: Json, published: Json) -> None:
    """Read the message: it says what a client loses. If that is meant, tests/api/narrowings.toml says how to go on."""
    assert undecided(published, today, accepted_narrowings(ACCEPTED.read_text())) == []


def test_no_decision_is_left_over(today: Json, published: Json) -> None:
    assert set(accepted_narrowings(ACCEPTED.read_text())) <= set(narrowings(published, today))


def test_a_release_publishes_what_it_has(today: Json, published: Json) -> None:
    assert not is_due(__version__, published, today), "run scripts/api-publish"
    more = copy.deepcopy(today) | {"tags": []}
    assert is_due("1.0.0", published, more)
    assert not is_due("1.1.0.dev0", published, more)


def _without_a_field(document: Json) -> Json:
    poorer = copy.deepcopy(document)
    del poorer["components"]["schemas"]["Site"]["properties"]["hosts"]
    return poorer


def test_a_field_that_is_gone_would_fail(today: Json) -> None:
    found = undecided(today, _without_a_field(today), ())
    assert "GET /sites/{site}: answer 200.hosts: gone" in found
    assert undecided(today, _without_a_field(today), found) == []


def test_publishing_takes_nothing_away(today: Json, tmp_path: Path) -> None:
    file, accepted = tmp_path / "published.json", tmp_path / "narrowings.toml"
    accepted.write_text("")
    assert publish(file, accepted) == []
    assert json.loads(file.read_text()) == shape(today)
    richer = copy.deepcopy(shape(today))
    richer["paths"]["/sites"]["get"]["responses"]["200"]["headers"] = {"X": {"schema": {}}}
    file.write_text(json.dumps(richer))
    assert publish(file, accepted) == ["GET /sites: answer 200: header X: gone"]
    assert json.loads(file.read_text()) == richer
    accepted.write_text('[[narrowing]]\nwhat = "GET /sites: answer 200: header X: gone"\nreason = "never used"\n')
    assert publish(file, accepted) == []


def test_a_decision_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="no reason"):
        accepted_narrowings('[[narrowing]]\nwhat = "x"\nreason = " "\n')
