"""The JSON schemas of all bodies and answers, made by pydantic from the shapes themselves."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from engage_server.web.api.problem_codes import ProblemJson
from engage_server.web.api.route import Body, Query, Route

_REFS = "#/components/schemas/{model}"


class Schemas:
    """The schemas of a table.

    Args:
        routes: The table.

    Attributes:
        definitions: For ``components/schemas``.
    """

    def __init__(self, routes: Sequence[Route[Any, Any, Any]]) -> None:
        shapes = {shape: None for route in routes for shape in (route.answer, route.body) if _is_shape(shape)}
        self._keys = {id(shape): number for number, shape in enumerate((*shapes, ProblemJson))}
        self._kept = (*shapes, ProblemJson)  # their ids stay theirs
        inputs = [(self._keys[id(shape)], "validation", TypeAdapter(shape)) for shape in self._kept]
        found, rest = TypeAdapter.json_schemas(inputs, ref_template=_REFS)  # type: ignore[arg-type]  # any keys will do
        self._schemas = {key: schema for (key, _), schema in found.items()}
        self.definitions: dict[str, Any] = rest.get("$defs", {})

    def of(self, shape: Any) -> dict[str, Any]:
        """The schema of a body or an answer."""
        return dict(self._schemas[self._keys[id(shape)]])

    @staticmethod
    def of_query(shape: type[Query]) -> list[dict[str, Any]]:
        """The parameters of a query."""
        schema = shape.model_json_schema()
        required = schema.get("required", ())
        return [_parameter(name, dict(each), name in required) for name, each in schema.get("properties", {}).items()]


def _is_shape(shape: Any) -> bool:
    return shape is not None and shape is not bytes and shape is not Body


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
