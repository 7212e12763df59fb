"""The JSON schemas of all bodies and answers, made by pydantic from the shapes themselves."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from engage_server.web.api.problem_codes import ProblemJson
from engage_server.web.api.route import Query, Route

_REFS = "#/components/schemas/{model}"


class Schemas:
    """The schemas of a table.

    Args:
        routes: The table.

    Attributes:
        definitions: For ``components/schemas``.
    """

    def __init__(self, routes: Sequence[Route[Any, Any, Any]]) -> None:
        bodies = [route.body for route in routes if route.body not in (None, bytes)]
        answers = [route.answer for route in routes if route.answer is not None]
        sent, sent_definitions = _made(bodies)
        shown, shown_definitions = _made([*answers, ProblemJson])
        self._schemas = {**sent, **_open(shown)}
        self.definitions: dict[str, Any] = {**sent_definitions, **_open(shown_definitions)}

    def of(self, shape: Any) -> dict[str, Any]:
        """The schema of a body or an answer."""
        return dict(self._schemas[str(shape)])

    @staticmethod
    def of_query(shape: type[Query]) -> list[dict[str, Any]]:
        """The parameters of a query."""
        schema = _without_refs(shape.model_json_schema())
        required = schema.get("required", ())
        return [_parameter(name, dict(each), name in required) for name, each in schema.get("properties", {}).items()]


def _made(shapes: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of each shape, by its name, and the definitions that they refer to."""
    by_name = {str(shape): shape for shape in shapes}
    inputs: list[Any] = [(name, "validation", TypeAdapter(shape)) for name, shape in by_name.items()]
    found, rest = TypeAdapter.json_schemas(inputs, ref_template=_REFS)
    return {str(key): schema for (key, _), schema in found.items()}, rest.get("$defs", {})


def _open(schema: Any) -> Any:
    """The schema of an answer, which may get further fields later: a caller must not refuse them."""
    if isinstance(schema, dict):
        return {key: _open(value) for key, value in schema.items() if (key, value) != ("additionalProperties", False)}
    return [_open(each) for each in schema] if isinstance(schema, list) else schema


def _without_refs(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with what it refers to in its own places: a parameter has no definitions beside it."""
    definitions = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            found = definitions[part["$ref"].removeprefix("#/$defs/")]
            return inlined({key: value for key, value in found.items() if key not in ("title", "description")})
        return {key: inlined(value) for key, value in part.items()}

    made: dict[str, Any] = inlined(schema)
    return made


def _parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    description = schema.pop("description", "")
    schema.pop("title", None)
    return {"name": name, "in": "query", "required": required, "description": description, "schema": _plain(schema)}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, which cannot be null: it is there or not."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**choices[0], **rest}
