"""What a schema of a contract says about one place in a value: whether it exists, must be there, and may be what."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from engage_server.links.sim.contract.document import Document, Node
from engage_server.links.sim.contract.pointers import parts_of, pointer_of

_MOST: Final = 2_000  # schemas that describe one place, over all its alternatives
_MOST_VISITS: Final = 20_000  # of schemas, for one question. 400 bytes can lead to 20 ** 12
_ANYTHING: Final[Node] = {}
_ONE: Final = ("allOf", "anyOf", "oneOf")
_MOST_NESTED: Final = 12


def schemas_at(document: Document, schema: object, pointer: str) -> list[Node]:
    """Return each schema that describes the value at a pointer. [] if the schema has no such place.

    A schema that says nothing about its content, such as ``{"type": "object"}``, has every place.

    Raises:
        UsageError: A reference leads nowhere, or the schema leads to too many others.
    """
    found = _whole(document, schema)
    for part in parts_of(pointer):
        found = _once(document, (below for each in found for below in _below(document, each, part)))
    return found


def required_places(document: Document, schema: object) -> list[str]:
    """Return the pointers that every value of a schema has, outermost first.

    Raises:
        UsageError: A reference leads nowhere, or the schema leads to too many others.
    """
    try:
        return [pointer_of(parts) for parts in _required(document, schema, (), set())]
    except RecursionError:
        raise document.unusable("a schema leads to too many others") from None


def choices_of(schemas: list[Node]) -> list[Any] | None:
    """Return the values that one of these schemas lists. None if none of them lists any."""
    found: list[Any] = []
    for each in schemas:
        items = each.get("items")
        for one in (each, items if isinstance(items, Mapping) else {}):
            found += one["enum"] if isinstance(one.get("enum"), list) else []
            found += [one["const"]] if "const" in one else []
    return [each for at, each in enumerate(found) if _is_new(each, found[:at])] or None


def _is_new(value: Any, before: list[Any]) -> bool:
    return not any(type(each) is type(value) and each == value for each in before)


def types_of(schemas: list[Node]) -> set[str]:
    """Return the types that these schemas name. Empty if they name none."""
    found: set[str] = set()
    for each in schemas:
        kind = each.get("type")
        found |= {str(one) for one in kind} if isinstance(kind, list) else {str(kind)} if kind is not None else set()
    return found - {"null"}


def _whole(document: Document, schema: object) -> list[Node]:
    """A schema and its alternatives, behind all references."""
    found: list[Node] = []
    waiting, seen, visits = deque([schema]), set(), 0
    while waiting:
        one, visits = waiting.popleft(), visits + 1
        _assert_few(document, visits, _MOST_VISITS)
        if isinstance(one, bool):
            found += [_ANYTHING] if one else []
            continue
        node = document.resolved(one, "a schema")
        if id(node) not in seen:
            seen.add(id(node))
            found.append(node)
            waiting += [each for key in _ONE for each in _list(node.get(key))]
    _assert_few(document, len(found), _MOST)
    return found


def _once(document: Document, schemas: Iterable[Node]) -> list[Node]:
    """Each schema once: it may be reached by many ways."""
    found: dict[int, Node] = {}
    for visits, each in enumerate(schemas):
        _assert_few(document, visits, _MOST_VISITS)
        found[id(each)] = each
    return list(found.values())


def _assert_few(document: Document, count: int, most: int) -> None:
    if count > most:
        raise document.unusable("a schema leads to too many others")


def _below(document: Document, schema: Node, part: str) -> Iterator[Node]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and part in properties:
        yield from _whole(document, properties[part])
    elif part.isdecimal() and "items" in schema:
        yield from _whole(document, schema["items"])
    elif isinstance(schema.get("additionalProperties"), Mapping):
        yield from _whole(document, schema["additionalProperties"])
    elif _says_nothing(schema):
        yield _ANYTHING


def _says_nothing(schema: Node) -> bool:
    """Whether it is an object of which no content is described. Real contracts have such answers."""
    described = ("properties", "items", "enum", "const", *_ONE)
    closed = schema.get("additionalProperties") is False
    return not closed and not any(schema.get(key) for key in described) and types_of([schema]) <= {"object"}


def _required(
    document: Document, schema: object, above: tuple[str, ...], seen: set[tuple[int, tuple[str, ...]]]
) -> Iterator[tuple[str, ...]]:
    if len(above) > _MOST_NESTED or isinstance(schema, bool):
        return
    node = document.resolved(schema, "a schema")
    if (id(node), above) in seen:
        return
    seen.add((id(node), above))
    _assert_few(document, len(seen), _MOST_VISITS)
    for each in _list(node.get("allOf")):
        yield from _required(document, each, above, seen)
    properties = node.get("properties")
    for name in filter(_is_text, _list(node.get("required"))):
        below = properties.get(name) if isinstance(properties, Mapping) else None
        inner = list(_required(document, below, (*above, name), seen)) if below is not None else []
        yield from inner or [(*above, name)]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
