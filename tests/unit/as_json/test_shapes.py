"""The shapes of JSON: a schema can be made of each, and it says what a reader must know."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from engage_server import as_json
from engage_server.as_json.access import GrantJson, PersonJson
from engage_server.as_json.chain_check import ChainCheckJson
from engage_server.as_json.devices import grade_name
from engage_server.as_json.formats import Instant, Shape
from engage_server.records import Grade, Role
from tests.support.checkout import ROOT

MODULES = [
    importlib.import_module(f"{as_json.__name__}.{each.name}") for each in pkgutil.iter_modules(as_json.__path__)
]


def is_shape(value: object) -> bool:
    """Whether it is one of ours: a TypedDict has no base that could be asked."""
    return isinstance(value, type) and hasattr(value, "__required_keys__") and value is not Shape


SHAPES: list[Any] = [
    value
    for module in MODULES
    for value in vars(module).values()
    if is_shape(value) and value.__module__ == module.__name__
]
FUNCTIONS = [
    function
    for module in MODULES
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if name.endswith("_json") and function.__module__ == module.__name__
]


def _name(value: Any) -> str:
    return str(value.__name__)


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """All objects with properties, wherever in a schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _objects(value)


def test_they_are_found() -> None:
    assert len(SHAPES) > 50
    assert len(FUNCTIONS) > 30


@pytest.mark.parametrize("shape", SHAPES, ids=_name)
def test_its_schema_explains_each_field_and_is_closed(shape: Any) -> None:
    schema = TypeAdapter(shape).json_schema(mode="serialization")
    jsonschema.Draft202012Validator.check_schema(schema)
    found = list(_objects(schema))
    assert found
    for each in found:
        assert each["description"]
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"]), "each key is always there"
        assert [name for name, field in each["properties"].items() if not field.get("description")] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=_name)
def test_a_function_returns_a_shape(function: Any) -> None:
    returned = get_type_hints(function)["return"]
    parts = [each for each in (returned, *get_args(returned)) if each is not type(None)]
    assert any(is_shape(each) for each in parts), returned


def test_a_time_has_its_format_and_a_value_its_choices() -> None:
    assert TypeAdapter(Instant).json_schema() == {"type": "string", "format": "date-time"}
    schema = TypeAdapter(PersonJson).json_schema()
    assert {"format": "date-time", "type": "string"} in schema["properties"]["seen_at"]["anyOf"]
    assert schema["$defs"]["Role"]["enum"] == [role.value for role in Role]


def test_a_field_that_is_inherited_is_explained_as_where_it_stands() -> None:
    own, inherited = (TypeAdapter(shape).json_schema()["properties"] for shape in (GrantJson, PersonJson))
    assert inherited["sites"]["description"] == own["sites"]["description"] != ""


def test_what_is_not_of_the_shape_is_refused() -> None:
    adapter = TypeAdapter(GrantJson)
    good = {"role": Role.VIEWER, "sites": ["main"]}
    assert adapter.validate_python(good, strict=True) == good
    for bad in (
        {"role": Role.VIEWER},
        good | {"password_hash": "x"},
        good | {"role": "viewer"},  # a text is no role: as JSON it is
        good | {"sites": ("main",)},
    ):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad, strict=True)
    assert adapter.validate_json(json.dumps(good), strict=True) == good


def test_each_grade_has_its_name() -> None:
    assert [grade_name(grade) for grade in Grade] == [grade.name.lower() for grade in Grade]


def test_the_published_schema_of_checks_has_the_same_fields() -> None:
    published = json.loads((ROOT / "docs" / "chain-check.schema.json").read_text())
    ours = TypeAdapter(ChainCheckJson).json_schema()
    for theirs, shape in (
        (published, ours),
        (published["$defs"]["target"], ours["$defs"]["TargetJson"]),
        (published["$defs"]["finding"], ours["$defs"]["FindingJson"]),
        (
            published["$defs"]["target"]["properties"]["certificates"]["items"],
            ours["$defs"]["CheckedCertificateJson"],
        ),
    ):
        assert set(theirs["properties"]) == set(shape["properties"])
