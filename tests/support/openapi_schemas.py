"""Whether one JSON Schema allows all that another one allows; where not, what is narrower.

Only keywords that pydantic writes are understood. Another keyword counts as narrower wherever it differs, so nothing is
overlooked in silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_EVERY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_SAYS_NOTHING = {"title", "description", "example", "examples", "deprecated", "externalDocs", "discriminator"}
_LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COMPARED_BELOW = {
    *("type", "enum", "const", "default", "format", "pattern", "uniqueItems"),
    *("items", "properties", "required", "additionalProperties", "anyOf", "oneOf", "$ref", "$defs"),
}


@dataclass(frozen=True)
class Sides:
    """Two documents, and who writes what is compared.

    Attributes:
        wide: The document whose schema must allow everything.
        narrow: The document whose schema says what is sent.
        answer: Whether it is an answer. There each property that a client knew must stay, and new ones are no harm.
    """

    wide: Json
    narrow: Json
    answer: bool


_Seen = frozenset[tuple[str, str]]  # the pairs of references that are being compared: a schema may contain itself


def narrower(sides: Sides, wide: Json, narrow: Json, at: str, seen: _Seen = frozenset()) -> list[str]:
    """What the first schema forbids although the second one allows it, each as "place: what".

    Args:
        sides: The documents, for ``$ref``.
        wide: A schema of the one document.
        narrow: A schema of the other.
        at: The place, for messages.
        seen: What is being compared already.
    """
    choices = _alternatives(sides.wide, wide)
    found: list[str] = []
    for each in _alternatives(sides.narrow, narrow):
        alike = [choice for choice in choices if _types(choice[1]) & _types(each[1])]
        complaints = [list(_pair(sides, choice, each, at, seen)) for choice in alike or choices]
        found += sorted(complaints, key=len)[0]
    return list(dict.fromkeys(found))


def followed(document: Json, schema: Json) -> Json:
    """The schema behind a reference into the document itself."""
    while "$ref" in schema:
        target: Any = document
        for name in schema["$ref"].removeprefix("#/").split("/"):
            target = target[name.replace("~1", "/").replace("~0", "~")]
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


_Named = tuple[str, Json]  # a schema, and the last reference that led to it


def _alternatives(document: Json, schema: Json, name: str = "") -> list[_Named]:
    """The schemas of which one must fit, each with no more than one type."""
    name = schema.get("$ref", name)
    schema = followed(document, schema)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            shared = {key: value for key, value in schema.items() if key != word and key not in _SAYS_NOTHING}
            return [found for each in schema[word] for found in _alternatives(document, shared | each, name)]
    types = schema.get("type", [])
    if isinstance(types, list) and types:
        return [(name, schema | {"type": each}) for each in types]
    return [(name, schema)]


def _pair(sides: Sides, wide: _Named, narrow: _Named, at: str, seen: _Seen) -> Iterator[str]:
    names = (wide[0], narrow[0])
    if not all(names):
        yield from _one(sides, wide[1], narrow[1], at, seen)
    elif names not in seen:
        yield from _one(sides, wide[1], narrow[1], at, seen | {names})


def _one(sides: Sides, wide: Json, narrow: Json, at: str, seen: _Seen) -> Iterator[str]:
    missing = _types(narrow) - _types(wide)
    if missing:
        yield f"{at}: type {' or '.join(sorted(missing))} instead of {' or '.join(sorted(_types(wide)))}"
        return
    yield from _values(sides, wide, narrow, at)
    yield from _bounds(wide, narrow, at)
    if "object" in _types(narrow):
        yield from _properties(sides, wide, narrow, at, seen)
    if "items" in wide and "array" in _types(narrow):
        yield from narrower(sides, _as_schema(wide["items"]), _as_schema(narrow.get("items", {})), f"{at}[]", seen)
    known = {*_SAYS_NOTHING, *_LOWEST, *_HIGHEST, *_COMPARED_BELOW}
    for word in sorted({*wide, *narrow} - known):
        if not word.startswith("x-") and wide.get(word) != narrow.get(word):
            yield f"{at}: {word} differs, which is not understood here"


def _types(schema: Json) -> frozenset[str]:
    stated = schema.get("type", _types_of_values(schema))
    types = frozenset({stated} if isinstance(stated, str) else stated)
    return types | {"integer"} if "number" in types else types


def _types_of_values(schema: Json) -> list[str] | frozenset[str]:
    values = _listed(schema)
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return _EVERY_TYPE if values is None else [names.get(type(value), "object") for value in values]


def _listed(schema: Json) -> list[Any] | None:
    """The values that are allowed, where they are listed."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _values(sides: Sides, wide: Json, narrow: Json, at: str) -> Iterator[str]:
    allowed, sent = _listed(wide), _listed(narrow)
    if allowed is not None and not (sides.answer and wide.get("x-extensible-enum")):
        if sent is None:
            yield f"{at}: any value {'is possible now' if sides.answer else 'was possible, now only a list'}"
        else:
            more = [value for value in sent if value not in allowed]
            yield from (f"{at}: value {value!r} {'is new' if sides.answer else 'is gone'}" for value in more)
    if sent is None:
        for word in ("format", "pattern"):
            if word in wide and wide[word] != narrow.get(word):
                yield f"{at}: {word} {_change(sides, wide, narrow, word)}"
    if not sides.answer and "default" in narrow and narrow["default"] != wide.get("default"):
        yield f"{at}: default {_change(sides, wide, narrow, 'default')}"
    if wide.get("uniqueItems") and not narrow.get("uniqueItems"):
        yield f"{at}: uniqueItems {_change(sides, wide, narrow, 'uniqueItems')}"


def _change(sides: Sides, wide: Json, narrow: Json, word: str) -> str:
    before, after = (wide, narrow) if sides.answer else (narrow, wide)
    return f"was {before.get(word)}, is {after.get(word)}"


def _bounds(wide: Json, narrow: Json, at: str) -> Iterator[str]:
    if _listed(narrow) is not None:
        return
    for word in (*_LOWEST, *_HIGHEST):
        if word not in wide:
            continue
        sent, bound = narrow.get(word), wide[word]
        if sent is None or (sent < bound if word in _LOWEST else sent > bound):
            yield f"{at}: {word} {bound} does not hold for what is possible on the other side ({sent})"


def _properties(sides: Sides, wide: Json, narrow: Json, at: str, seen: _Seen) -> Iterator[str]:
    allowed, sent = wide.get("properties", {}), narrow.get("properties", {})
    must, always = set(wide.get("required", ())), set(narrow.get("required", ()))
    closed = wide.get("additionalProperties", True) is False
    for name in sorted({*allowed, *sent, *must}):
        here = f"{at}.{name}"
        if sides.answer and name in allowed and name not in sent:
            yield f"{here}: gone"
        elif name in must - always:
            yield f"{here}: {'optional now' if sides.answer else 'required now'}"
        elif name in allowed and name in sent:
            yield from narrower(sides, _as_schema(allowed[name]), _as_schema(sent[name]), here, seen)
        elif name in sent and closed and not sides.answer:
            yield f"{here}: no longer accepted"
    yield from _others(sides, wide, narrow, at, seen)


def _others(sides: Sides, wide: Json, narrow: Json, at: str, seen: _Seen) -> Iterator[str]:
    """Properties without names: a mapping's values."""
    allowed, sent = wide.get("additionalProperties", True), narrow.get("additionalProperties", True)
    if isinstance(allowed, dict):
        yield from narrower(sides, allowed, _as_schema(sent), f"{at}.*", seen) if sent is not False else ()
    elif allowed is False and sent is not False and not sides.answer:
        yield f"{at}: other properties are no longer accepted"


def _as_schema(schema: Json | bool) -> Json:
    """A schema's short forms: all values, or none."""
    if isinstance(schema, dict):
        return schema
    return {} if schema else {"enum": []}
