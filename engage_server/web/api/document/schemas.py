"""The JSON schemas of all bodies and answers, made by pydantic from the shapes themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from engage_server.web.api.document.fields import DescribedFields
from engage_server.web.api.problem_codes import ProblemJson
from engage_server.web.api.route import Query, Route

_REFS = "#/components/schemas/{model}"
KNOWN = "x-extensible-enum"  # the known word for it, which generators of clients read


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
        answers_only = _Shown(shown_definitions)
        self._schemas = {**_sent(sent), **answers_only.opened(shown)}
        self.definitions: dict[str, Any] = {**_undescribed(_sent(sent_definitions)), **answers_only.definitions()}

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
    found, rest = TypeAdapter.json_schemas(inputs, ref_template=_REFS, schema_generator=DescribedFields)
    return {str(key): schema for (key, _), schema in found.items()}, rest.get("$defs", {})


class _Shown:
    """The schemas of answers. An answer may get more fields and more values later, and no caller may stumble over them.

    A list of texts is one of known texts there. A generated client gets a text, and no type that refuses a new one.

    Args:
        definitions: What the schemas refer to.
    """

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._given = definitions
        self._texts = {_REFS.format(model=name): each for name, each in definitions.items() if _is_list_of_texts(each)}

    def definitions(self) -> dict[str, Any]:
        """The same definitions, without those of texts: these stand where they are used."""
        return {name: self.opened(each) for name, each in self._given.items() if not _is_list_of_texts(each)}

    def opened(self, schema: Any) -> Any:
        """A schema without what would refuse more than there is today."""
        if isinstance(schema, list):
            return [self.opened(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if schema.get("$ref") in self._texts:  # what they mean is said where they are used
            return {**_known_texts(self._texts[schema["$ref"]]), **_without(schema, "$ref")}
        if _is_list_of_texts(schema):
            return {**_known_texts(schema), **_without(schema, "enum", "const")}
        made = {
            key: self.opened(each) for key, each in schema.items() if (key, each) != ("additionalProperties", False)
        }
        keys = made.pop("propertyNames", {}).get(KNOWN)
        return made if keys is None else {**made, "x-known-keys": keys}


def _listed(schema: Mapping[str, Any]) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _is_list_of_texts(schema: Mapping[str, Any]) -> bool:
    values = _listed(schema)
    return bool(values) and all(isinstance(value, str) for value in values)


def _known_texts(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Texts of which more may come, with those that are known today."""
    return {"type": "string", KNOWN: _listed(schema)}


def _without(schema: Mapping[str, Any], *words: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in words}


def _undescribed(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions, those of texts without what their class says: it is for us. Each field says what they mean."""
    return {
        name: _without(each, "description") if _is_list_of_texts(each) else each for name, each in definitions.items()
    }


def _sent(schema: Any) -> Any:
    """The schema of a body. A field may be left out there, and is never null."""
    if isinstance(schema, list):
        return [_sent(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _sent(each) for key, each in schema.items() if (key, each) != ("default", None)}
    return _plain(made) if "anyOf" in made else made


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
