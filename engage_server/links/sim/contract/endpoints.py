"""The operations of a contract: method, path, parameters and body of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engage_server.links.sim.contract.document import Document, Node
from engage_server.links.sim.contract.pointers import pointer_of

METHODS: Final = ("get", "put", "post", "delete", "patch")
# Parameters of these names say nothing: "shall be ignored" (OpenAPI 3.1, Parameter Object)
_IGNORED: Final = frozenset(("accept", "content-type", "authorization"))
_STYLES: Final = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name. That of a header has the contract's spelling.
        place: ``path``, ``query``, ``header`` or ``cookie``.
        is_required: Whether each call has it.
        schema: What its value may be; {} for anything.
        style: How a list is written: ``simple``, ``form``, ``spaceDelimited``, ``pipeDelimited`` or another.
            ``content`` for a value in a media type.
        explode: Whether each item of a list is a parameter.
    """

    name: str
    place: str
    is_required: bool
    schema: Node
    style: str
    explode: bool


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request.

    Attributes:
        is_required: Whether each call has one.
        media: Schema of each media type, as the contract spells the types; a missing schema is {}.
    """

    is_required: bool
    media: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the contract.

    Attributes:
        method: In upper case.
        route: Its path, with ``{names}``.
        operation_id: Its name; "" if it has none.
        parameters: All of them, those of the path included.
        body: None if it takes none.
        answers: The schemas of answers that it gives with success; a missing schema is {}.
    """

    method: str
    route: str
    operation_id: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: tuple[object, ...]

    @property
    def shown(self) -> str:
        """Method and path, for people."""
        return f"{self.method} {self.route}"

    def in_place(self, place: str) -> Mapping[str, Parameter]:
        """Return the parameters of a place by name. Names of headers are in lower case."""
        fold = str.lower if place == "header" else str
        return {fold(each.name): each for each in self.parameters if each.place == place}


def operation_ids(document: Document) -> dict[str, tuple[str, str]]:
    """Return method and path of each operation that has a name."""
    return {
        operation["operationId"]: (method, route)
        for route, method, operation in _operations(document)
        if isinstance(operation.get("operationId"), str)
    }


def routes(document: Document) -> list[tuple[str, str]]:
    """Return method and path of each operation."""
    return [(method, route) for route, method, _ in _operations(document)]


def endpoint_of(document: Document, method: str, route: str) -> Endpoint:
    """Read one operation.

    Args:
        document: The contract.
        method: In lower case. Method and path are those of an operation that exists.
        route: Its path as the contract writes it.

    Raises:
        UsageError: It is described wrongly.
    """
    item = document.at(pointer_of(("paths", route)))
    operation = document.resolved(item[method], f"{method} {route}")
    found: dict[tuple[str, str], Parameter] = {}
    for holder in (item, operation):
        for each in _list(holder.get("parameters")):
            parameter = _parameter(document, each)
            found[parameter.place, parameter.name] = parameter
    return Endpoint(
        method.upper(),
        route,
        str(operation.get("operationId", "")),
        tuple(each for each in found.values() if not (each.place == "header" and each.name.lower() in _IGNORED)),
        _body(document, operation),
        tuple(_answers(document, operation)),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _operations(document: Document) -> Iterator[tuple[str, str, Node]]:
    paths = document.root.get("paths")
    for route, item in paths.items() if isinstance(paths, Mapping) else ():
        if not isinstance(item, Mapping):
            continue
        resolved = document.resolved(item, f"the path {route}")
        for method in METHODS:
            if isinstance(resolved.get(method), Mapping):
                yield str(route), method, resolved[method]


def _parameter(document: Document, node: object) -> Parameter:
    found = document.resolved(node, "a parameter")
    place, name = found.get("in"), found.get("name")
    if not isinstance(place, str) or place not in _STYLES or not isinstance(name, str):
        raise document.unusable("a parameter has no name, or no place that is known")
    style = "content" if "content" in found else str(found.get("style", _STYLES[place]))
    return Parameter(
        name,
        place,
        place == "path" or found.get("required") is True,
        document.resolved(found.get("schema", {}), f"the schema of {name}"),
        style,
        found["explode"] is True if "explode" in found else style == "form",
    )


def _body(document: Document, operation: Node) -> Body | None:
    if "requestBody" not in operation:
        return None
    found = document.resolved(operation["requestBody"], "a requestBody")
    return Body(found.get("required") is True, _media(found))


def _answers(document: Document, operation: Node) -> Iterator[object]:
    responses = operation.get("responses")
    for status, node in responses.items() if isinstance(responses, Mapping) else ():
        if str(status).startswith("2"):
            yield from _media(document.resolved(node, f"the answer {status}")).values()


def _media(holder: Node) -> Mapping[str, Any]:
    content = holder.get("content")
    pairs = content.items() if isinstance(content, Mapping) else ()
    return {str(name): each.get("schema", {}) if isinstance(each, Mapping) else {} for name, each in pairs}
