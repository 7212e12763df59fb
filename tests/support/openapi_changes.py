"""What an OpenAPI document took away from its clients since an earlier one.

A client was written against the earlier document, perhaps generated from it. It must go on working: what it sends must
be accepted, and what it reads must still be there. New paths, fields of answers and optional fields of requests are no
narrowing.
"""

from collections.abc import Iterator
from typing import Any

from tests.support.openapi_schemas import Json, Sides, followed, narrower

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_ONLY_FOR_READERS = {"summary", "description", "title", "example", "examples", "externalDocs"}
_HAS_NAMES_AS_KEYS = {
    "properties",
    "schemas",
    "responses",
    "headers",
    "parameters",
    "links",
    "securitySchemes",
    "$defs",
}


def narrowings(before: Json, after: Json) -> list[str]:
    """Each thing that was taken away or narrowed, as "PLACE: what"; empty where every old client goes on working.

    Args:
        before: The document that clients know.
        after: The one of today.
    """
    found = [
        *_lost_names(before, after),
        *(
            line
            for path, method, old in _operations(before)
            for line in _of_operation(before, after, path, method, old)
        ),
    ]
    return list(dict.fromkeys(found))


def shape(document: Any) -> Any:
    """A document without what only people read, so that a better sentence is no change.

    A property or a schema may bear one of those words as its name. It stays.
    """
    if isinstance(document, list):
        return [shape(each) for each in document]
    if not isinstance(document, dict):
        return document
    return {
        key: {name: shape(each) for name, each in value.items()}
        if key in _HAS_NAMES_AS_KEYS and isinstance(value, dict)
        else shape(value)
        for key, value in document.items()
        if key not in _ONLY_FOR_READERS
    }


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document.get("paths", {}).items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                operation = item[method]
                yield path, method, operation | {"parameters": [*shared, *operation.get("parameters", [])]}


def _lost_names(before: Json, after: Json) -> Iterator[str]:
    """Names that become names in generated clients."""
    schemas = after.get("components", {}).get("schemas", {})
    for name in before.get("components", {}).get("schemas", {}):
        if name not in schemas:
            yield f"schema {name}: gone, or renamed"


def _of_operation(before: Json, after: Json, path: str, method: str, old: Json) -> Iterator[str]:
    place = f"{method.upper()} {path}"
    new = {(p, m): operation for p, m, operation in _operations(after)}.get((path, method))
    if new is None:
        yield f"{place}: gone"
        return
    for word in ("operationId", "tags"):
        if old.get(word) != new.get(word):
            yield f"{place}: {word} was {old.get(word)}, is {new.get(word)}"
    yield from _credentials(before, after, place, old, new)
    yield from _parameters(before, after, place, old, new)
    yield from _request_body(before, after, place, old, new)
    yield from _answers(before, after, place, old, new)


def _credentials(before: Json, after: Json, place: str, old: Json, new: Json) -> Iterator[str]:
    """Each way to be let in that was enough must still be enough."""
    known = old.get("security", before.get("security", [])) or [{}]
    today = new.get("security", after.get("security", [])) or [{}]
    for way in known:
        if not any(set(each) <= set(way) for each in today):
            yield f"{place}: {' with '.join(sorted(way)) or 'no credential'} is no longer enough"


def _parameters(before: Json, after: Json, place: str, old: Json, new: Json) -> Iterator[str]:
    known, today = _by_name(before, old), _by_name(after, new)
    for name, parameter in known.items():
        if name not in today:
            yield f"{place}: {name} is no longer accepted"
        else:
            if today[name].get("required") and not parameter.get("required"):
                yield f"{place}: {name}: required now"
            sides = Sides(after, before, answer=False)
            yield from narrower(sides, _schema(today[name]), _schema(parameter), f"{place}: {name}")
    for name, parameter in today.items():
        if name not in known and parameter.get("required"):
            yield f"{place}: {name}: new, and required"


def _by_name(document: Json, operation: Json) -> dict[str, Json]:
    parameters = [followed(document, each) for each in operation["parameters"]]
    return {f"{each['in']} parameter {each['name']}": each for each in parameters}


def _schema(part: Json) -> Json:
    """The schema of a parameter, of a header or of a body of one media type."""
    schema: Json = part.get("schema", {})
    return schema


def _request_body(before: Json, after: Json, place: str, old: Json, new: Json) -> Iterator[str]:
    known = followed(before, old.get("requestBody", {}))
    today = followed(after, new.get("requestBody", {}))
    if today.get("required") and not known.get("required"):
        yield f"{place}: request body: required now"
    for media, part in known.get("content", {}).items():
        if media not in today.get("content", {}):
            yield f"{place}: request body: {media} is no longer accepted"
            continue
        sides = Sides(after, before, answer=False)
        yield from narrower(sides, _schema(today["content"][media]), _schema(part), f"{place}: request body")


def _answers(before: Json, after: Json, place: str, old: Json, new: Json) -> Iterator[str]:
    known, today = old.get("responses", {}), new.get("responses", {})
    for status in today:
        if status.startswith("2") and status not in known:
            yield f"{place}: answer {status} is new: a client waits for {', '.join(s for s in known if s[0] == '2')}"
    for status, answer in known.items():
        if status in today:
            here = f"{place}: answer {status}"
            yield from _answer(before, after, here, followed(before, answer), followed(after, today[status]))
        elif status.startswith(("2", "3")):
            yield f"{place}: answer {status}: gone"


def _answer(before: Json, after: Json, place: str, old: Json, new: Json) -> Iterator[str]:
    sides = Sides(before, after, answer=True)
    for name, known in old.get("headers", {}).items():
        header, today = followed(before, known), followed(after, new.get("headers", {}).get(name, {}))
        if not today:
            yield f"{place}: header {name}: gone"
        elif header.get("required") and not today.get("required"):
            yield f"{place}: header {name}: optional now"
        else:
            yield from narrower(sides, _schema(header), _schema(today), f"{place}: header {name}")
    for media, part in old.get("content", {}).items():
        if media not in new.get("content", {}):
            yield f"{place}: {media}: gone"
        else:
            yield from narrower(sides, _schema(part), _schema(new["content"][media]), place)
