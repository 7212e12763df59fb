"""The schemas of the document: a client that was made of them goes on when answers get more than they have today."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

import pytest

from engage_server.as_json.formats import Shape
from engage_server.web.api.document.schemas import Schemas
from engage_server.web.api.route import Body
from engage_server.web.api.routes.table import ROUTES
from tests.support.api_requests import AnyRoute
from tests.support.openapi_schemas import followed
from tests.support.openapi_today import todays_document


class Colour(Enum):
    """For us alone."""

    RED = "red"
    BLUE = "blue"


class ThingJson(Shape):
    """A thing."""

    colour: Colour
    """What it looks like."""
    other: Colour | None
    """Null: none."""
    size: Literal["small", "large"]
    """How large it is."""
    form: Literal["thing/1"]
    """The form."""
    sums: dict[Colour, int]
    """By colour."""


class Paint(Body):
    """What to paint."""

    colour: Colour
    """With what."""
    over: Colour | None = None
    """Over what."""
    layers: list[int] | None = None
    """Which."""


def schemas_of(route: AnyRoute) -> dict[str, Any]:
    made = Schemas([route])
    return {"answer": made.of(route.answer), "body": made.of(route.body), **made.definitions}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    route = next(each for each in ROUTES if each.body is not None)
    return schemas_of(
        type(route)("POST", "/things", route.act, "", lambda call: call, answer=ThingJson, body=Paint)  # type: ignore[arg-type, return-value]
    )


def fields(made: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = followed({"components": {"schemas": made}}, made[name])["properties"]
    return found


def test_an_answer_lists_known_texts_and_accepts_more(made: dict[str, Any]) -> None:
    shown = fields(made, "answer")
    known = {"type": "string", "x-extensible-enum": ["red", "blue"]}
    assert shown["colour"] == {**known, "description": "What it looks like."}
    assert shown["other"]["anyOf"] == [known, {"type": "null"}]
    assert shown["size"]["x-extensible-enum"] == ["small", "large"]
    assert shown["form"]["x-extensible-enum"] == ["thing/1"]
    assert shown["form"]["description"] == "The form."
    assert shown["sums"]["x-known-keys"] == ["red", "blue"]
    assert [word for word in ("enum", "const", "propertyNames") if word in json.dumps(shown)] == ["enum"], (
        "of x-extensible-enum"
    )


def test_a_body_takes_what_is_listed_and_no_null(made: dict[str, Any]) -> None:
    sent = fields(made, "body")
    assert made["Colour"]["enum"] == ["red", "blue"]
    assert "description" not in made["Colour"], "what our class says is for us"
    assert sent["colour"]["$ref"] == sent["over"]["$ref"] == "#/components/schemas/Colour"
    assert sent["over"]["description"] == "Over what."
    assert sent["layers"] == {
        **sent["layers"],
        "type": "array",
        "items": {"type": "integer"},
        "description": "Which.",
    }
    assert "null" not in json.dumps([sent, made["Colour"]])


def parts(document: dict[str, Any], schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """A schema, and all within it."""
    if isinstance(schema, list):
        for each in schema:
            yield from parts(document, each, seen)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            yield from parts(document, followed(document, {"$ref": reference}), seen | {reference})
        yield schema
        for each in schema.values():
            yield from parts(document, each, seen)


@pytest.fixture(scope="module")
def today() -> dict[str, Any]:
    return todays_document()


def operations(today: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in today["paths"].values():
        yield from item.values()


def test_no_answer_of_the_api_is_closed(today: dict[str, Any]) -> None:
    for operation in operations(today):
        for part in parts(today, [each.get("content", {}) for each in operation["responses"].values()]):
            closed = [word for word in ("enum", "const", "propertyNames") if isinstance(part.get(word), list | str)]
            assert closed == [], f"{operation['operationId']}: {part}"
            assert part.get("additionalProperties") is not False


def test_each_body_of_the_api_is_closed_and_has_no_null(today: dict[str, Any]) -> None:
    for operation in operations(today):
        for part in parts(today, operation.get("requestBody", {}).get("content", {})):
            assert part.get("type") != "null", f"{operation['operationId']}: {part}"
            if isinstance(part.get("properties"), dict):
                assert part["additionalProperties"] is False, operation["operationId"]


def test_all_is_described(today: dict[str, Any]) -> None:
    for name, schema in today["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            assert part.get("description"), f"{name}.{field}"
    for operation in operations(today):
        assert [each["name"] for each in operation["parameters"] if not each["description"]] == []
