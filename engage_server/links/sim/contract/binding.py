"""Holds a map against its contract, before anything is called. Each fault is one sentence that names table and key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from engage_server.errors import SettingsInvalid, UsageError
from engage_server.links.registry.table import Where, did_you_mean
from engage_server.links.sim.contract import binding_of_values
from engage_server.links.sim.contract.binding_of_values import Words, word_faults
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.endpoints import Endpoint, endpoint_of, operation_ids, routes
from engage_server.links.sim.contract.operator_map import Mapped, OperatorMap
from engage_server.links.sim.contract.schemas import choices_of, schemas_at
from engage_server.links.sim.operations import Operation

JSON_TYPE: Final = "application/json"
_FIX: Final = "Correct the map: the contract is right."


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation of the map, with the one of the contract that it means.

    Attributes:
        mapped: As the map has it.
        endpoint: As the contract has it.
        media_type: Of the body; "" for none.
        schema: Of the body; {} for anything.
    """

    mapped: Mapped
    endpoint: Endpoint
    media_type: str
    schema: object


@dataclass(frozen=True, slots=True)
class Binding:
    """A map that was held against a contract.

    Attributes:
        operations: Those without a fault.
        faults: What is wrong. Empty for a map that can be used.
    """

    operations: Mapping[Operation, Bound]
    faults: tuple[SettingsInvalid, ...]


def bind(document: Document, operator_map: OperatorMap) -> Binding:
    """Hold a map against a contract."""
    bound: dict[Operation, Bound] = {}
    faults: list[SettingsInvalid] = list(word_faults(operator_map))
    words: Words = set()
    for operation, (mapped, where) in operator_map.operations.items():
        try:
            found = _bound(document, mapped, where)
            wrong = list(binding_of_values.faults(document, operator_map, operation, found.endpoint, where, words))
            wrong += _body_faults(document, found, where)
        except SettingsInvalid as error:
            wrong = [error]
        except UsageError as error:  # the contract itself
            wrong = [where.refused(error.sentence, error.next_step)]
        if not wrong:
            bound[operation] = found
        faults += wrong
    faults += _thing_faults(document, operator_map, bound, words)
    return Binding(bound, tuple(faults))


def _bound(document: Document, mapped: Mapped, where: Where) -> Bound:
    method, route = _named(document, mapped, where)
    endpoint = endpoint_of(document, method, route)
    media_type = _media_type(mapped, endpoint, where)
    schema = endpoint.body.media[media_type] if media_type and endpoint.body else {}
    return Bound(mapped, endpoint, media_type, schema)


def _named(document: Document, mapped: Mapped, where: Where) -> tuple[str, str]:
    if mapped.operation_id:
        known = operation_ids(document)
        if mapped.operation_id not in known:
            hint = did_you_mean(mapped.operation_id, known)
            raise where.refused(f"the contract has no operation of that name.{hint}", _FIX, "operation_id")
        return known[mapped.operation_id]
    if (mapped.route, mapped.method) not in {(route, method) for method, route in routes(document)}:
        hint = did_you_mean(mapped.route, (route for method, route in routes(document) if method == mapped.method))
        raise where.refused(f"the contract has no {mapped.method.upper()} {mapped.route}.{hint}", _FIX, "route")
    return mapped.method, mapped.route


def _media_type(mapped: Mapped, endpoint: Endpoint, where: Where) -> str:
    if not mapped.body and not mapped.constants:
        return ""
    if endpoint.method == "GET":
        raise where.refused("a GET has no body", "Put the values into the query.", "body")
    if endpoint.body is None:
        raise where.refused(f"{endpoint.shown} takes no body", _FIX, "body")
    if mapped.media_type and mapped.media_type not in endpoint.body.media:
        hint = f" It has {', '.join(endpoint.body.media)}."
        raise where.refused(f"{endpoint.shown} does not take this type.{hint}", _FIX, "media_type")
    usable = [mapped.media_type] if mapped.media_type else sorted(endpoint.body.media, key=JSON_TYPE.__ne__)
    for media_type in usable:
        if _is_json(media_type):
            return media_type
    raise where.refused(f"{endpoint.shown} takes no JSON, and we write nothing else", _FIX, "body")


def _is_json(media_type: str) -> bool:
    name = media_type.partition(";")[0].strip().lower()
    return name == JSON_TYPE or name.endswith("+json")


def _body_faults(document: Document, bound: Bound, where: Where) -> Iterator[SettingsInvalid]:
    body = bound.endpoint.body
    if not bound.media_type:
        if body is not None and body.is_required:
            yield where.refused(f"{bound.endpoint.shown} must have a body, and nothing goes there", _FIX, "body")
        return
    yield from binding_of_values.body_faults(document, bound.mapped, bound.schema, where)


def _thing_faults(
    document: Document, operator_map: OperatorMap, bound: Mapping[Operation, Bound], words: Words
) -> Iterator[SettingsInvalid]:
    """Where an item has what. The read and the list may say different amounts of it."""
    items = list(_items(document, bound))
    if not items:
        return
    places, where = operator_map.thing, operator_map.where.below("thing")
    named = [(each.name, getattr(places, each.name), where) for each in fields(places) if each.name != "fields"]
    named += [(name, pointer, where.below("fields")) for name, pointer in places.fields.items()]
    for name, pointer, at in named:
        if pointer and not any(schemas_at(document, each, pointer) for each in items):
            yield at.refused(f"no answer of the contract has {pointer}", _FIX, name)
    yield from _state_faults(document, operator_map, items, words)


def _items(document: Document, bound: Mapping[Operation, Bound]) -> Iterator[object]:
    """The schemas of one Thing, those of the list and those of the read."""
    for operation, below in ((Operation.THINGS_READ, ""), (Operation.THINGS_LIST, "/0")):
        if operation in bound:
            one = bound[operation]
            for answer in one.endpoint.answers:
                yield from schemas_at(document, answer, one.mapped.answer + below)


def _state_faults(
    document: Document, operator_map: OperatorMap, items: list[object], reported: Words
) -> Iterator[SettingsInvalid]:
    words, where = operator_map.words.get("state", {}), operator_map.where.below("words").below("state")
    if not operator_map.thing.state:
        return
    if not words:
        yield where.refused("no word is given for any state", 'Write such as ACTIVE = "active".')
    choices = choices_of([found for each in items for found in schemas_at(document, each, operator_map.thing.state)])
    for name, word in words.items():
        if choices is not None and word not in choices and ("state", name) not in reported:
            hint = f" It has {', '.join(map(str, choices))[:200]}."
            yield where.refused(f"the contract's answers have no such state: {word}.{hint}", _FIX, name)
