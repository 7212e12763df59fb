"""Whatever JSON an operator answers: nothing crashes, texts are bounded and harmless, secrets are not shown."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import EngageError
from engage_server.links.sim.client.problems import words_of
from engage_server.links.sim.contract.answers import MAX_TEXT, entry, parsed, reached_of, thing_of
from engage_server.links.sim.contract.operator_map import read_map
from engage_server.links.sim.contract.pointers import MISSING, found_at, parts_of, pointer_of
from engage_server.links.sim.things import Reachability, ThingState
from engage_server.records import Secret
from tests.support.lengths import examples
from tests.support.sim.prism import MAP

CANARY = "canary-of-a-secret"
KEYS = ("iccid", "state", "imei", "tags", "services", "online", "group", "reachable", "connectivity", "lastStatusTime")
SECRET_KEYS = ("shared_secret", "psk", "password", "pin1", "puk2", "apiKey", "preSharedKey", "access_token")
_text = st.text(st.characters(codec=None), max_size=700) | st.sampled_from(
    ["ACTIVE", "DATA", "SMS", "2026-11-27T02:00Z"]
)
_scalar = st.none() | st.booleans() | st.integers() | st.floats() | _text
_json = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS) | _text, inner, max_size=6),
    max_leaves=20,
)


_MAP = read_map(MAP)


def texts(value: Any) -> list[str]:
    """All texts in a value, names as well."""
    if isinstance(value, dict):
        return [each for name, inner in value.items() for each in (name, *texts(inner))]
    if isinstance(value, list | tuple):
        return [each for inner in value for each in texts(inner)]
    return [value] if isinstance(value, str) else []


def assert_harmless(found: list[str]) -> None:
    for each in found:
        assert len(each) <= MAX_TEXT
        assert each.isprintable()
        each.encode()


@given(_json)
@settings(max_examples=examples(all=250, quick=150, campaign=2_000), deadline=None)
def test_any_json_is_a_thing_or_an_error(content: Any) -> None:
    try:
        thing = thing_of(content, _MAP, "here")
    except EngageError as error:
        assert error.code == "sim.answer"
        return
    assert thing.thing
    assert thing.state is None or thing.state in ThingState
    assert_harmless([thing.thing, thing.word, thing.imei, thing.group, *thing.tags, *(thing.services or ())])


@given(_json)
@settings(max_examples=examples(all=250, quick=150, campaign=2_000), deadline=None)
def test_any_json_says_whether_a_sim_is_reached_or_that_it_is_not_known(content: Any) -> None:
    reached = reached_of(content, _MAP.reached)
    assert reached.reachability in Reachability
    assert reached.at is None or reached.at.tzinfo is not None
    if not isinstance(content, dict):
        assert reached.reachability is Reachability.UNKNOWN


@given(_json)
@settings(max_examples=examples(all=250, quick=150, campaign=2_000), deadline=None)
def test_any_json_may_be_shown(content: Any) -> None:
    found = entry(content)
    assert_harmless(texts(found))
    json.dumps(found)


@given(st.sampled_from(SECRET_KEYS), st.lists(st.sampled_from(KEYS), max_size=4))
@settings(max_examples=examples(all=60, quick=30, campaign=200), deadline=None)
def test_secrets_in_an_answer_are_not_shown(name: str, above: list[str]) -> None:
    content: Any = {name: CANARY, "id": "kept"}
    for each in above:
        content = {each: [content]}
    shown = json.dumps(entry(content))
    assert CANARY not in shown
    assert "kept" in shown


@given(st.binary(max_size=300) | _json.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=examples(all=250, quick=150, campaign=2_000), deadline=None)
def test_any_bytes_are_json_or_an_error(body: bytes) -> None:
    try:
        parsed(body, "here")
    except EngageError as error:
        assert error.code == "sim.answer"
        assert len(error.sentence) < 300


@given(_json, st.sampled_from(["title", "detail", "message", "error", "info"]))
@settings(max_examples=examples(all=250, quick=150, campaign=2_000), deadline=None)
def test_words_of_an_error_are_bounded_and_without_secrets(content: Any, key: str) -> None:
    body = json.dumps({"name": content, key: f"x {CANARY} y"}).encode()
    words = words_of(body, [Secret(CANARY.encode())])
    assert CANARY not in words
    assert len(words) < 350
    assert "<" not in words
    assert words.isprintable()


@given(st.lists(_text, max_size=6))
@settings(max_examples=examples(all=150, quick=100, campaign=1_000), deadline=None)
def test_a_pointer_is_read_as_it_is_written(parts: list[str]) -> None:
    assert parts_of(pointer_of(parts)) == parts
    content: Any = 7
    for each in reversed(parts):
        content = {each: content}
    assert found_at(content, pointer_of(parts)) == 7
    assert found_at(content, pointer_of([*parts, "x"])) is MISSING
