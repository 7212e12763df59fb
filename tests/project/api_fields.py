"""Tables of fields for docs/api.md: what bodies and answers hold, and the shapes that several of them share."""

from collections.abc import Iterator
from typing import Any

from engage_server.web.api.document.schemas import KNOWN
from tests.support.openapi_today import todays_document

Schema = dict[str, Any]
_MOST_VALUES = 12  # of which a table says all; longer lists grow with the program


def shapes() -> Schema:
    """All shapes by name. Not made before somebody asks: each process of a run reads this module."""
    found: Schema = todays_document()["components"]["schemas"]
    return found


def name_of(schema: Schema) -> str:
    """The name of the shape that a schema refers to. "" for none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def followed(schema: Schema) -> Schema:
    """A schema, or the shape that it refers to."""
    found: Schema = shapes()[name_of(schema)] if name_of(schema) else schema
    return found


def fields(title: str, schema: Schema) -> Iterator[str]:
    """The table of the fields of a shape.

    Args:
        title: The heading of its first column. Fields of a body may be optional.
        schema: The shape, or a reference to it.
    """
    schema = followed(schema)
    needed = schema.get("required", ())
    rows = [
        (name, {**each, "required": name in needed, "schema": each})
        for name, each in schema.get("properties", {}).items()
    ]
    yield from table(title, rows)


def table(title: str, rows: list[tuple[str, Schema]]) -> Iterator[str]:
    """A table of fields or parameters."""
    if not rows:
        return
    yield f"\n| {title} | kind | meaning |\n|---|---|---|\n"
    for name, each in rows:
        optional = "" if each["required"] or title == "field" else ", optional"
        meaning = " ".join(each.get("description", "").split()).replace("|", r"\|").replace("``", "`")
        yield f"| `{name}` | {kind(each['schema'])}{optional} | {meaning} |\n"


def kind(schema: Schema) -> str:
    """The kind of a value in a word or two, with a link to its shape."""
    found = followed(schema)
    if name_of(schema) and "enum" not in found:
        return linked(name_of(schema))
    for choices in (schema.get("anyOf"), schema.get("allOf")):
        if choices:
            return " or ".join(kind(each) for each in choices)
    if "enum" in found or KNOWN in found:
        return _values(found)
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    named = {"integer": "whole number", "boolean": "true or false", "string": "text"}
    return named.get(str(schema.get("type")), str(schema.get("type", "any")))


def _values(schema: Schema) -> str:
    values = schema.get("enum") or schema[KNOWN]
    return ", ".join(f"`{each}`" for each in values) if len(values) <= _MOST_VALUES else "one of several texts"


def linked(name: str) -> str:
    """The name of a shape, as a link to its table."""
    return f"[{name}](#{name.lower()})"


def within(schemas: list[Schema]) -> set[str]:
    """The names of all shapes with fields that schemas lead to."""
    found: set[str] = set()
    waiting = [name for schema in schemas for name in _names(schema)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _names(shapes()[name])
    return {name for name in found if "properties" in shapes()[name]}


def _names(part: Any) -> Iterator[str]:
    """The names of all shapes that a part of a schema refers to."""
    if isinstance(part, list):
        for each in part:
            yield from _names(each)
    elif isinstance(part, dict):
        if name_of(part):
            yield name_of(part)
        for each in part.values():
            yield from _names(each)
