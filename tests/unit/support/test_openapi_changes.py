"""Each kind of change that takes something away from clients is found; each that gives something is none."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.openapi_changes import narrowings, shape

Json = dict[str, Any]
Change = Callable[[Json], object]

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "security": [{"token": []}],
    "paths": {
        "/things": {
            "get": {
                "operationId": "list_things",
                "tags": ["things"],
                "parameters": [
                    {
                        "in": "query",
                        "name": "limit",
                        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
                    },
                    {"$ref": "#/components/parameters/State"},
                ],
                "responses": {
                    "200": {
                        "description": "Some.",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
                    },
                    "400": {"description": "No."},
                },
            },
            "post": {
                "operationId": "make_thing",
                "tags": ["things"],
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}},
                        "text/csv": {},
                    },
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
            },
        },
        "/health": {"get": {"operationId": "health", "security": [], "responses": {"200": {"description": "Well."}}}},
    },
    "components": {
        "parameters": {"State": {"in": "query", "name": "state", "schema": {"enum": ["new", "old"]}}},
        "schemas": {
            "Page": {
                "type": "object",
                "properties": {
                    "things": {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/Thing"}},
                    "next": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["things", "next"],
            },
            "Thing": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 20},
                    "made_at": {"type": "string", "format": "date-time"},
                    "state": {"type": "string", "enum": ["new", "old"]},
                    "count": {"type": "integer", "minimum": 0},
                    "title": {"type": "string"},
                    "inner": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                },
                "required": ["name", "made_at", "state", "count"],
            },
            "NewThing": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 20},
                    "weight": {"type": "number"},
                    "kind": {"enum": ["a", "b"]},
                    "reason": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                    "owners": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["name"],
            },
        },
    },
}


def _paths(document: Json) -> Any:
    return document["paths"]


def _get(document: Json) -> Any:
    return document["paths"]["/things"]["get"]


def _post(document: Json) -> Any:
    return document["paths"]["/things"]["post"]


def _limit(document: Json) -> Any:
    return _get(document)["parameters"][0]


def _answer(document: Json) -> Any:
    return _get(document)["responses"]["200"]


def _schema(name: str) -> Callable[[Json], Any]:
    return lambda document: document["components"]["schemas"][name]


def _property(name: str, key: str) -> Callable[[Json], Any]:
    return lambda document: document["components"]["schemas"][name]["properties"][key]


_thing, _new_thing, _page = _schema("Thing"), _schema("NewThing"), _schema("Page")

NARROWER: dict[str, tuple[Change, str]] = {
    "a path is gone": (lambda d: _paths(d).pop("/health"), "GET /health: gone"),
    "a method is gone": (lambda d: _paths(d)["/things"].pop("post"), "POST /things: gone"),
    "an operation has another name": (
        lambda d: _get(d).update(operationId="things"),
        "GET /things: operationId was list_things, is things",
    ),
    "an operation has another tag": (lambda d: _get(d).update(tags=[]), "GET /things: tags was ['things'], is []"),
    "a schema is renamed": (lambda d: d["components"]["schemas"].pop("Unused"), "schema Unused: gone, or renamed"),
    "a credential is demanded": (
        lambda d: _paths(d)["/health"]["get"].pop("security"),
        "GET /health: no credential is no longer enough",
    ),
    "another credential is demanded": (
        lambda d: d.update(security=[{"cookie": []}]),
        "GET /things: token is no longer enough",
    ),
    "a parameter is gone": (
        lambda d: _get(d)["parameters"].pop(0),
        "GET /things: query parameter limit is no longer accepted",
    ),
    "a parameter is required": (
        lambda d: _limit(d).update(required=True),
        "GET /things: query parameter limit: required now",
    ),
    "a new parameter is required": (
        lambda d: _get(d)["parameters"].append({"in": "header", "name": "If-Match", "required": True}),
        "GET /things: header parameter If-Match: new, and required",
    ),
    "a parameter of the whole path is required": (
        lambda d: _paths(d)["/things"].update(parameters=[{"in": "query", "name": "site", "required": True}]),
        "GET /things: query parameter site: new, and required",
    ),
    "a parameter's highest value is lower": (
        lambda d: _limit(d)["schema"].update(maximum=10),
        "GET /things: query parameter limit: maximum 10 does not hold for what is possible on the other side (100)",
    ),
    "a parameter's default changes": (
        lambda d: _limit(d)["schema"].update(default=10),
        "GET /things: query parameter limit: default was 50, is 10",
    ),
    "a parameter has another type": (
        lambda d: _limit(d).update(schema={"type": "string"}),
        "GET /things: query parameter limit: type integer instead of string",
    ),
    "a value of a request is gone": (
        lambda d: d["components"]["parameters"]["State"].update(schema={"enum": ["new"]}),
        "GET /things: query parameter state: value 'old' is gone",
    ),
    "a request's body is required": (
        lambda d: _post(d)["requestBody"].update(required=True),
        "POST /things: request body: required now",
    ),
    "a request's media type is gone": (
        lambda d: _post(d)["requestBody"]["content"].pop("text/csv"),
        "POST /things: request body: text/csv is no longer accepted",
    ),
    "a request's field is required": (
        lambda d: _new_thing(d)["required"].append("weight"),
        "POST /things: request body.weight: required now",
    ),
    "a request has a new field that is required": (
        lambda d: (_new_thing(d)["properties"].update(colour={}), _new_thing(d)["required"].append("colour")),
        "POST /things: request body.colour: required now",
    ),
    "a request's field is gone": (
        lambda d: _new_thing(d)["properties"].pop("weight"),
        "POST /things: request body.weight: no longer accepted",
    ),
    "a request's number is whole": (
        lambda d: _property("NewThing", "weight")(d).update(type="integer"),
        "POST /things: request body.weight: type number instead of integer",
    ),
    "a request's field may not be null": (
        lambda d: _new_thing(d)["properties"].update(reason={"type": "string"}),
        "POST /things: request body.reason: type null instead of string",
    ),
    "a request's text is shorter": (
        lambda d: _property("NewThing", "name")(d).update(maxLength=10),
        "POST /things: request body.name: maxLength 10 does not hold for what is possible on the other side (20)",
    ),
    "a request's text is longer at least": (
        lambda d: _property("NewThing", "name")(d).update(minLength=2),
        "POST /things: request body.name: minLength 2 does not hold for what is possible on the other side (1)",
    ),
    "a request's text has a pattern": (
        lambda d: _property("NewThing", "name")(d).update(pattern="^a"),
        "POST /things: request body.name: pattern was None, is ^a",
    ),
    "a request's value is one of a list": (
        lambda d: _property("NewThing", "name")(d).update(enum=["a"]),
        "POST /things: request body.name: any value was possible, now only a list",
    ),
    "a request's list has no value twice": (
        lambda d: _property("NewThing", "owners")(d).update(uniqueItems=True),
        "POST /things: request body.owners: uniqueItems was None, is True",
    ),
    "a request's list has other things": (
        lambda d: _property("NewThing", "owners")(d).update(items={"type": "integer"}),
        "POST /things: request body.owners[]: type string instead of integer",
    ),
    "a request's mapping has other values": (
        lambda d: _property("NewThing", "tags")(d).update(additionalProperties={"type": "string", "maxLength": 3}),
        "POST /things: request body.tags.*: maxLength 3 does not hold for what is possible on the other side (None)",
    ),
    "a request's mapping is closed": (
        lambda d: _property("NewThing", "tags")(d).update(additionalProperties=False),
        "POST /things: request body.tags: other properties are no longer accepted",
    ),
    "a request has a keyword that nobody knows": (
        lambda d: _property("NewThing", "weight")(d).update(multipleOf=2),
        "POST /things: request body.weight: multipleOf differs, which is not understood here",
    ),
    "a status is gone": (
        lambda d: _get(d)["responses"].update({"206": _get(d)["responses"].pop("200")}),
        "GET /things: answer 200: gone",
    ),
    "a status is new": (
        lambda d: _get(d)["responses"].update({"202": {}}),
        "GET /things: answer 202 is new: a client waits for 200",
    ),
    "a header is gone": (lambda d: _answer(d).pop("headers"), "GET /things: answer 200: header ETag: gone"),
    "a header is optional": (
        lambda d: _answer(d)["headers"]["ETag"].update(required=False),
        "GET /things: answer 200: header ETag: optional now",
    ),
    "an answer's media type is gone": (
        lambda d: _answer(d)["content"].update({"text/plain": _answer(d)["content"].pop("application/json")}),
        "GET /things: answer 200: application/json: gone",
    ),
    "an answer's field is gone": (
        lambda d: (_thing(d)["properties"].pop("count"), _thing(d)["required"].remove("count")),
        "GET /things: answer 200.things[].count: gone",
    ),
    "an answer's optional field is gone": (
        lambda d: _thing(d)["properties"].pop("title"),
        "GET /things: answer 200.things[].title: gone",
    ),
    "an answer's field is optional": (
        lambda d: _thing(d)["required"].remove("count"),
        "GET /things: answer 200.things[].count: optional now",
    ),
    "an answer's field may be null": (
        lambda d: _property("Thing", "count")(d).update(type=["integer", "null"]),
        "GET /things: answer 200.things[].count: type null instead of integer",
    ),
    "an answer's field has another type": (
        lambda d: _property("Thing", "count")(d).update(type="string"),
        "GET /things: answer 200.things[].count: type string instead of integer",
    ),
    "an answer's number may be broken": (
        lambda d: _property("Thing", "count")(d).update(type="number"),
        "GET /things: answer 200.things[].count: type number instead of integer",
    ),
    "an answer's value is new": (
        lambda d: _property("Thing", "state")(d)["enum"].append("lost"),
        "GET /things: answer 200.things[].state: value 'lost' is new",
    ),
    "an answer's list of values is gone": (
        lambda d: _property("Thing", "state")(d).pop("enum"),
        "GET /things: answer 200.things[].state: any value is possible now",
    ),
    "an answer's format is gone": (
        lambda d: _property("Thing", "made_at")(d).pop("format"),
        "GET /things: answer 200.things[].made_at: format was date-time, is None",
    ),
    "an answer's pattern is another": (
        lambda d: _property("Thing", "name")(d).update(pattern="^.+$"),
        "GET /things: answer 200.things[].name: pattern was ^[a-z]+$, is ^.+$",
    ),
    "an answer's text is longer": (
        lambda d: _property("Thing", "name")(d).update(maxLength=30),
        "GET /things: answer 200.things[].name: maxLength 20 does not hold for what is possible on the other side (30)",
    ),
    "an answer's list is longer": (
        lambda d: _property("Page", "things")(d).update(maxItems=200),
        "GET /things: answer 200.things: maxItems 100 does not hold for what is possible on the other side (200)",
    ),
    "an answer has another choice": (
        lambda d: _property("Page", "next")(d)["anyOf"].append({"type": "integer"}),
        "GET /things: answer 200.next: type integer instead of string",
    ),
    "an answer within itself": (
        lambda d: _thing(d)["properties"]["inner"]["anyOf"].__setitem__(0, {"type": "object"}),
        "GET /things: answer 200.things[].inner.count: gone",
    ),
}

NO_NARROWER: dict[str, Change] = {
    "nothing": lambda d: d,
    "a path": lambda d: _paths(d).update({"/more": {"get": {}}}),
    "a method": lambda d: _paths(d)["/things"].update({"delete": {"responses": {"204": {}}}}),
    "a schema": lambda d: d["components"]["schemas"].update(More={}),
    "another way to be let in": lambda d: d["security"].append({"cookie": []}),
    "nobody needs a credential": lambda d: d.update(security=[]),
    "an optional parameter": lambda d: _get(d)["parameters"].append({"in": "query", "name": "site"}),
    "a higher bound of a request": lambda d: _limit(d)["schema"].update(maximum=1000, minimum=0),
    "no bound of a request": lambda d: _limit(d)["schema"].pop("maximum"),
    "a value of a request": lambda d: d["components"]["parameters"]["State"]["schema"]["enum"].append("lost"),
    "an optional field of a request": lambda d: _new_thing(d)["properties"].update(colour={"type": "string"}),
    "a request's field is optional": lambda d: _new_thing(d).update(required=[]),
    "a request may have other fields": lambda d: _new_thing(d).pop("additionalProperties"),
    "a request's field may be null": lambda d: _property("NewThing", "weight")(d).update(type=["number", "null"]),
    "a media type of a request": lambda d: _post(d)["requestBody"]["content"].update({"text/plain": {}}),
    "a refusal": lambda d: _get(d)["responses"].update({"404": {}}),
    "a refusal is gone": lambda d: _get(d)["responses"].pop("400"),
    "a header": lambda d: _answer(d)["headers"].update(Link={}),
    "a field of an answer": lambda d: _thing(d)["properties"].update(colour={"type": "string"}),
    "an answer's field is always there": lambda d: _thing(d)["required"].append("title"),
    "an answer's value is gone": lambda d: _property("Thing", "state")(d).update(enum=["new"]),
    "an answer's value is one of a list": lambda d: _property("Thing", "title")(d).update(enum=["a", "b"]),
    "an answer is never null": lambda d: _page(d)["properties"].update(next={"type": "string"}),
    "an answer's text is shorter": lambda d: _property("Thing", "name")(d).update(maxLength=10),
    "a better sentence": lambda d: _thing(d).update(description="Better.", examples=[{}]),
    "a reference is written out": lambda d: _answer(d)["content"].update(
        {"application/json": {"schema": copy.deepcopy(_page(d))}}
    ),
}


def _changed(change: Change) -> tuple[Json, Json]:
    before = copy.deepcopy(DOCUMENT)
    before["components"]["schemas"]["Unused"] = {}
    after = copy.deepcopy(before)
    change(after)
    return before, after


@pytest.mark.parametrize("kind", NARROWER)
def test_what_takes_something_away_is_found(kind: str) -> None:
    change, expected = NARROWER[kind]
    found = narrowings(*_changed(change))
    assert expected in found, found
    assert len(found) <= 12, "and little else: the same thing may be reached on several ways"


@pytest.mark.parametrize("kind", NO_NARROWER)
def test_what_gives_something_is_no_narrowing(kind: str) -> None:
    before, after = _changed(NO_NARROWER[kind])
    assert narrowings(before, after) == []


def test_a_list_of_values_that_may_grow_grows() -> None:
    before, after = _changed(lambda d: _property("Thing", "state")(d)["enum"].append("lost"))
    _property("Thing", "state")(before)["x-extensible-enum"] = True
    assert narrowings(before, after) == []


def _opened(document: Json) -> None:
    text = _property("Thing", "state")(document)
    text["x-extensible-enum"] = text.pop("enum")


def test_known_values_of_an_open_text_come_and_go_but_it_stays_a_text() -> None:
    _, before = _changed(_opened)
    after = copy.deepcopy(before)
    _property("Thing", "state")(after)["x-extensible-enum"].append("lost")
    assert narrowings(before, after) == narrowings(after, before) == []
    _property("Thing", "state")(after)["type"] = "integer"
    assert narrowings(before, after) != []


def test_a_list_of_values_is_not_opened_in_silence() -> None:
    before, after = _changed(_opened)
    assert narrowings(before, after) != [], "a client that was made of it refuses new values"
    assert narrowings(after, before) == []


def test_a_shape_has_no_sentences_but_each_property() -> None:
    bare = shape(DOCUMENT)
    assert "title" in _thing(bare)["properties"], "a property may be called so"
    assert "title" not in bare["info"]
    assert "description" not in _answer(bare)
    assert narrowings(DOCUMENT, bare) == narrowings(bare, DOCUMENT) == []
    _thing(bare)["properties"].pop("title")
    assert narrowings(DOCUMENT, bare) != []
