"""How values are written: styles of lists, types, words, prefixes, and what is copied from a read."""

from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import UsageError
from engage_server.links.registry.table import Where
from engage_server.links.sim.account import Values
from engage_server.links.sim.contract.binding import Bound
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.endpoints import endpoint_of
from engage_server.links.sim.contract.operator_map import (
    Accepted,
    Login,
    Mapped,
    OperatorMap,
    Place,
    ReachedPlaces,
    ThingPlaces,
)
from engage_server.links.sim.contract.requests import Request, written
from engage_server.links.sim.contract.sources import Sources
from engage_server.links.sim.contract.validity import Validity

TEXTS = {"type": "array", "items": {"type": "string"}}


def request(
    parameter: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
    *,
    place: Place,
    at: str = "/x",
    values: Values,
    words: Any = None,
    read: object = None,
) -> Request:
    """Write one request of a contract with one parameter, or with a body."""
    route = "/a/{x}" if parameter is not None and parameter["in"] == "path" else "/a"
    operation: dict[str, Any] = {"parameters": [parameter] if parameter else [], "responses": {}}
    if body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    document = Document("c", {"paths": {route: {"post": operation}}}, False)
    kind = parameter["in"] if parameter else "body"
    placed: dict[str, Any] = {kind: {parameter["name"] if parameter else at: place}}
    mapped = Mapped(operation_id="x", **placed)
    bound = Bound(mapped, endpoint_of(document, "post", route), "application/json" if body else "", body or {})
    where = Where(Path("map.toml"))
    operator_map = OperatorMap(where, {}, ThingPlaces("/x"), words or {}, ReachedPlaces(), Login(), Accepted())
    return written(bound, values, Sources(document, operator_map, read), Validity(document))


@pytest.mark.parametrize(
    ("how", "target"),
    [
        ({"in": "query"}, "/a?x=a%2Cb&x=c%20d"),
        ({"in": "query", "explode": False}, "/a?x=a%2Cb,c%20d"),
        ({"in": "query", "explode": False, "style": "spaceDelimited"}, "/a?x=a%2Cb%20c%20d"),
        ({"in": "query", "explode": False, "style": "pipeDelimited"}, "/a?x=a%2Cb%7Cc%20d"),
        ({"in": "path"}, "/a/a%2Cb,c%20d"),
    ],
)
def test_lists_are_written_in_the_contract_s_style(how: dict[str, Any], target: str) -> None:
    parameter = {"name": "x", "schema": TEXTS, **how}
    assert request(parameter, place=Place("tags"), values={"tags": ["a,b", "c d"]}).target == target


def test_a_header_takes_a_list_too() -> None:
    parameter = {"name": "X-Tags", "in": "header", "schema": TEXTS}
    assert request(parameter, place=Place("tags"), values={"tags": ["a", "b"]}).fields["X-Tags"] == "a,b"
    with pytest.raises(UsageError, match="printable ASCII alone"):
        request(parameter, place=Place("tags"), values={"tags": ["a\r\nX-Evil: 1"]})


@pytest.mark.parametrize("value", [".", "..", "../../x", "a/b", "a?b", "a#b", "%2e%2e", "a{x}b", "é"])
def test_a_path_parameter_cannot_leave_its_segment(value: str) -> None:
    parameter = {"name": "x", "in": "path", "schema": {"type": "string"}}
    if value in (".", ".."):
        with pytest.raises(UsageError, match="cannot be"):
            request(parameter, place=Place("thing"), values={"thing": value})
        return
    target = request(parameter, place=Place("thing"), values={"thing": value}).target
    assert target.count("/") == 2
    assert not set("?#{} é") & set(target)


@pytest.mark.parametrize(
    ("schema", "value", "body"),
    [
        ({"type": "integer"}, "7", b'{"x":7}'),
        ({"type": "number"}, "7.5", b'{"x":7.5}'),
        ({"type": "number"}, "7", b'{"x":7}'),
        ({"type": "boolean"}, "True", b'{"x":true}'),
        ({"type": "string"}, 7, b'{"x":"7"}'),
        ({"type": ["string", "null"]}, "7", b'{"x":"7"}'),
        ({"type": ["integer", "null"]}, "7", b'{"x":7}'),
        (TEXTS, "a", b'{"x":["a"]}'),
        (TEXTS, [], b'{"x":[]}'),
        ({}, "7", b'{"x":"7"}'),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, "7", b'{"x":7}'),
    ],
)
def test_values_have_the_contract_s_type(schema: dict[str, Any], value: Any, body: bytes) -> None:
    whole = {"type": "object", "properties": {"x": schema}}
    assert request(body=whole, place=Place("tags"), values={"tags": value}).body == body


@pytest.mark.parametrize("schema", [{"type": "integer"}, {"type": "boolean"}, {"type": "number"}])
def test_or_are_not_sent(schema: dict[str, Any]) -> None:
    whole = {"type": "object", "properties": {"x": schema}}
    with pytest.raises(UsageError, match="must be of type"):
        request(body=whole, place=Place("tags"), values={"tags": "north"})


def test_a_list_where_the_contract_wants_a_text() -> None:
    whole = {"type": "object", "properties": {"x": {"type": "string"}}}
    joined = Place("tags", joined_by=", ")
    assert request(body=whole, place=joined, values={"tags": ["a", "b"]}).body == b'{"x":"a, b"}'
    with pytest.raises(UsageError, match="takes no list for 'tags'"):
        request(body=whole, place=Place("tags"), values={"tags": ["a", "b"]})


def test_a_place_may_always_have_the_same_text() -> None:
    header = {"name": "api-version", "in": "header", "required": True, "schema": {"type": "string"}}
    assert request(header, place=Place("always:1.0"), values={}).fields["api-version"] == "1.0"
    query = {"name": "detail", "in": "query", "schema": {"type": "boolean"}}
    assert request(query, place=Place("always:true"), values={}).target == "/a?detail=true"


@pytest.mark.parametrize("number", ["+31970", "31970"])
def test_a_prefix_is_there_once(number: str) -> None:
    whole = {"type": "object", "properties": {"x": {"type": "string"}}}
    place = Place("phone_number", prefix="+")
    assert request(body=whole, place=place, values={"phone_number": number}).body == b'{"x":"+31970"}'


def test_a_word_may_be_a_number() -> None:
    whole = {"type": "object", "properties": {"x": {"type": "object", "properties": {"id": {"type": "integer"}}}}}
    words = {"state": {"ACTIVE": 1}}
    found = request(body=whole, place=Place("state"), at="/x/id", values={"state": "ACTIVE"}, words=words)
    assert found.body == b'{"x":{"id":1}}'


def test_a_value_may_come_from_a_read_of_the_thing() -> None:
    whole = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}
    place = Place("read:/endpoint/id")
    assert request(body=whole, place=place, values={}, read={"endpoint": {"id": 5}}).body == b'{"x":5}'
    with pytest.raises(UsageError, match="'x' is a required property"):
        request(body=whole, place=place, values={}, read={"endpoint": None})


@pytest.mark.parametrize(
    ("kind", "read", "body"),
    [("string", 5, b'{"x":"5"}'), ("integer", "5", b'{"x":5}'), ("boolean", True, b'{"x":true}')],
)
def test_and_gets_the_contract_s_type(kind: str, read: object, body: bytes) -> None:
    """An id is a number in an answer, and a text in a path."""
    whole = {"type": "object", "properties": {"x": {"type": kind}}}
    assert request(body=whole, place=Place("read:/id"), values={}, read={"id": read}).body == body


def test_a_thing_that_is_read_first_needs_no_other_place() -> None:
    whole = {"type": "object", "properties": {"x": {"type": "string"}}}
    assert request(body=whole, place=Place("read:/id"), values={"thing": "1"}, read={"id": "a"}).body == b'{"x":"a"}'
    with pytest.raises(UsageError, match="no place for the value 'thing'"):
        request(body=whole, place=Place("text"), values={"thing": "1", "text": "x"})


def test_nothing_of_a_value_that_does_not_fit_is_said() -> None:
    whole = {"type": "object", "properties": {"x": {"type": "string", "maxLength": 3, "format": "date-time"}}}
    with pytest.raises(UsageError) as refused:
        request(body=whole, place=Place("text"), values={"text": "canary-of-an-sms"})
    assert "canary" not in refused.value.sentence


def test_a_sim_that_does_not_fit_is_named() -> None:
    parameter = {"name": "x", "in": "path", "schema": {"type": "string", "pattern": "^[0-9]{19,20}$"}}
    with pytest.raises(UsageError) as refused:
        request(parameter, place=Place("thing"), values={"thing": "123"})
    accepted = "is not what the contract accepts: it must match the pattern ^[0-9]{19,20}$"
    assert refused.value.sentence == f"the SIM '123' {accepted}"
    with pytest.raises(UsageError) as hidden:
        request(parameter, place=Place("text"), values={"text": "123"})
    assert hidden.value.sentence == f"the value 'text' {accepted}"
