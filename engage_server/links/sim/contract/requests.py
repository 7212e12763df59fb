"""Writes one request as the contract wants it. What does not fit the contract is not sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from engage_server.errors import UsageError
from engage_server.links.sim.account import Values
from engage_server.links.sim.contract.binding import Bound
from engage_server.links.sim.contract.endpoints import Parameter
from engage_server.links.sim.contract.operator_map import Mapped, Place
from engage_server.links.sim.contract.pointers import put_at
from engage_server.links.sim.contract.sources import Sources, reads_first
from engage_server.links.sim.contract.validity import Validity
from engage_server.shown_text import without_controls

_FIX: Final = "Correct the value. Nothing was sent."
_SEPARATORS: Final = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that fits the contract.

    Attributes:
        method: In upper case.
        target: Path and query, to put behind the base URL.
        fields: Header fields, without those of the login.
        body: None for none.
    """

    method: str
    target: str
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


def written(
    bound: Bound, values: Values, sources: Sources, validity: Validity, pages: Mapping[str, int | str] | None = None
) -> Request:
    """Write a request.

    Args:
        bound: The operation.
        values: Those of :data:`~..operations.VALUES`. "" is as if it were not there.
        sources: Where values come from.
        validity: Judges by the contract.
        pages: Query parameters that choose a page.

    Raises:
        UsageError: A value is missing, has no place in the contract, or does not fit it (``sim.value``).
    """
    _assert_placed(bound, values)
    mapped = bound.mapped
    path = dict(_parameters(bound, "path", mapped.path, values, sources, validity))
    query = dict(_parameters(bound, "query", mapped.query, values, sources, validity))
    fields = dict(_parameters(bound, "header", mapped.header, values, sources, validity))
    known = bound.endpoint.in_place("query")
    query |= {name: _query_text(known[name], value) for name, value in (pages or {}).items()}
    body = _body(bound, values, sources, validity)
    if body is not None:
        fields["Content-Type"] = bound.media_type
    target = _filled(bound.endpoint.route, path) + ("?" + "&".join(query.values()) if query else "")
    return Request(bound.endpoint.method, target, fields, body)


def placed_values(mapped: Mapped) -> frozenset[str]:
    """Return the names of the values that have a place in an operation."""
    places = [*mapped.path.values(), *mapped.query.values(), *mapped.header.values(), *mapped.body.values()]
    return frozenset(each.value for each in places)


def _assert_placed(bound: Bound, values: Values) -> None:
    """A write that leaves out what was asked for would do something else."""
    placed = placed_values(bound.mapped) | ({"thing"} if reads_first(bound.mapped) else frozenset())
    for name, value in values.items():
        if value != "" and name not in placed:
            raise UsageError(
                f"{bound.endpoint.shown} of this contract has no place for the value '{name}'",
                "Leave it out, or give it a place in the map. Nothing was sent.",
                code="sim.value",
            )


def _parameters(
    bound: Bound, kind: str, places: Mapping[str, Place], values: Values, sources: Sources, validity: Validity
) -> Iterator[tuple[str, str]]:
    fold = str.lower if kind == "header" else str
    placed = {fold(name): each for name, each in places.items()}
    for name, parameter in bound.endpoint.in_place(kind).items():
        value = sources.value(placed[name], values, [parameter.schema]) if name in placed else None
        if value is None or value == [] or value == "":
            if parameter.is_required and name in placed:
                raise _missing(placed[name].value, bound)
            continue
        validity.assert_fits(parameter.schema, value, _shown(placed[name].value, value), _FIX)
        yield parameter.name, _WRITERS[kind](parameter, value)


def _shown(name: str, value: Any) -> str:
    """The name of a SIM is no secret. Another value may be one."""
    is_shown = name == "thing" and isinstance(value, str)
    return f"the SIM '{without_controls(value[:50])}'" if is_shown else f"the value '{name}'"


def _missing(name: str, bound: Bound) -> UsageError:
    return UsageError(
        f"{bound.endpoint.shown} needs the value '{name}'", "Give it. Nothing was sent.", code="sim.value"
    )


def _path_text(parameter: Parameter, value: Any) -> str:
    text = ",".join(quote(each, safe="") for each in _texts(value))
    if text in (".", ".."):
        raise UsageError(f"the parameter {parameter.name} cannot be '{text}'", _FIX, code="sim.value")
    return text


def _query_text(parameter: Parameter, value: Any) -> str:
    name = quote(parameter.name, safe="")
    texts = [quote(each, safe="") for each in _texts(value)]
    if parameter.explode:
        return "&".join(f"{name}={each}" for each in texts)
    return f"{name}=" + _SEPARATORS.get(parameter.style, ",").join(texts)


def _header_text(parameter: Parameter, value: Any) -> str:
    text = ",".join(_texts(value))
    if not text.isascii() or not text.isprintable():
        raise UsageError(f"the header field {parameter.name} takes printable ASCII alone", _FIX, code="sim.value")
    return text


_WRITERS = {"path": _path_text, "query": _query_text, "header": _header_text}


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return [_text(value)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(route: str, path: Mapping[str, str]) -> str:
    """Put the parameters into the path. One that holds braces is not read again."""
    pieces = []
    for piece in route.split("{"):
        name, brace, rest = piece.partition("}")
        pieces.append(path[name] + rest if brace and name in path else piece)
    return "".join(pieces)


def _body(bound: Bound, values: Values, sources: Sources, validity: Validity) -> bytes | None:
    if not bound.media_type:
        return None
    body: dict[str, Any] = {}
    try:
        for pointer, constant in bound.mapped.constants.items():
            put_at(body, pointer, constant)
        for pointer, place in bound.mapped.body.items():
            value = sources.value(place, values, sources.schemas(bound.schema, pointer))
            if value is not None and value != "":
                put_at(body, pointer, value)
    except ValueError as error:
        raise UsageError(f"the map contradicts itself: {error}", "Correct body and constants.") from None
    validity.assert_fits(bound.schema, body, f"the body of {bound.endpoint.shown}", _FIX)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
