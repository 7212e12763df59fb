"""What may be wrong with the values of one operation: parameters, places in the body, and words."""

from collections.abc import Iterator, Mapping
from typing import Final

from engage_server.errors import SettingsInvalid
from engage_server.links.registry.table import Where, did_you_mean
from engage_server.links.sim.contract.document import Document, Node
from engage_server.links.sim.contract.endpoints import Endpoint, Parameter
from engage_server.links.sim.contract.operator_map import Mapped, OperatorMap, Place
from engage_server.links.sim.contract.pointers import pointer_complaint
from engage_server.links.sim.contract.schemas import choices_of, required_places, schemas_at
from engage_server.links.sim.operations import VALUES, Operation
from engage_server.links.sim.things import ThingState

READ, ALWAYS = "read:", "always:"
_FIX = "Correct the map: the contract is right."
_STYLES = ("simple", "form", "spaceDelimited", "pipeDelimited")

# our words, where we know them all. Others are the operator's own, such as permissions
_OURS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": tuple(each.value for each in ThingState),
    "direction": ("in", "out"),
    "action": ("allow", "deny"),
}
Words = set[tuple[str, str]]  # the table, and our word in it


def faults(
    document: Document,
    operator_map: OperatorMap,
    operation: Operation,
    endpoint: Endpoint,
    where: Where,
    words: Words,
) -> Iterator[SettingsInvalid]:
    """Say what is wrong with the parameters, the answer and the sources of an operation.

    Args:
        document: The contract.
        operator_map: The map.
        operation: The operation.
        endpoint: That of the contract.
        where: The operation's table in the map.
        words: The words that were reported already. Those that are reported here are added.

    Raises:
        UsageError: The contract itself is wrong.
    """
    mapped = operator_map.operations[operation][0]
    for place in ("path", "query", "header"):
        yield from _parameter_faults(operator_map, endpoint, place, _own(mapped, place), where, words)
    yield from _cookie_faults(endpoint, where)
    for key in ("path", "query", "header", "body"):
        for name, each in _own(mapped, key).items():
            yield from _source_faults(operator_map, operation, each, where, f"{key}.{name}")
    for name, each in mapped.body.items():
        if endpoint.body is not None:
            for schema in endpoint.body.media.values():
                found = schemas_at(document, schema, name)
                yield from words_not_in(operator_map, each, found, where, f"body.{name}", words)
    answers = endpoint.answers
    if mapped.answer and answers and not any(schemas_at(document, each, mapped.answer) for each in answers):
        yield where.refused(f"the answers of {endpoint.shown} have no {mapped.answer}", _FIX, "answer")
    yield from _paging_faults(endpoint, mapped, where)


def body_faults(document: Document, mapped: Mapped, schema: object, where: Where) -> Iterator[SettingsInvalid]:
    """Say which places the body of the contract does not have, and which it must have and nothing fills.

    Raises:
        UsageError: The contract itself is wrong.
    """
    filled = [*mapped.body, *mapped.constants]
    for pointer in filled:
        if not schemas_at(document, schema, pointer):
            key = "body" if pointer in mapped.body else "constants"
            yield where.refused(f"the body of the contract has no {pointer}", _FIX, key)
    for pointer in required_places(document, schema):
        if not any(f"{each}/".startswith(f"{pointer}/") or f"{pointer}/".startswith(f"{each}/") for each in filled):
            yield where.refused(f"the contract requires {pointer}, and nothing goes there", _FIX, "body")


def _own(mapped: Mapped, key: str) -> Mapping[str, Place]:
    return {"path": mapped.path, "query": mapped.query, "header": mapped.header, "body": mapped.body}[key]


def _cookie_faults(endpoint: Endpoint, where: Where) -> Iterator[SettingsInvalid]:
    for name, parameter in endpoint.in_place("cookie").items():
        if parameter.is_required:
            yield where.refused(f"{endpoint.shown} needs the cookie {name}, and we send none", "Leave it out.", "path")


def _parameter_faults(
    operator_map: OperatorMap, endpoint: Endpoint, place: str, placed: Mapping[str, Place], where: Where, words: Words
) -> Iterator[SettingsInvalid]:
    known = endpoint.in_place(place)
    fold = str.lower if place == "header" else str
    names = {fold(name): each for name, each in placed.items()}
    for name, each in names.items():
        if name not in known:
            hint = did_you_mean(name, known)
            yield where.refused(f"{endpoint.shown} has no such parameter: {name}.{hint}", _FIX, place)
        else:
            yield from _usable(known[name], where, f"{place}.{name}")
            yield from words_not_in(operator_map, each, [known[name].schema], where, f"{place}.{name}", words)
    paging = {fold(each) for each in _paged(operator_map, endpoint, where)}
    for name, parameter in known.items():
        if parameter.is_required and name not in names and name not in paging:
            yield where.refused(f"the contract requires the parameter {name}, and nothing goes there", _FIX, place)


def _paged(operator_map: OperatorMap, endpoint: Endpoint, where: Where) -> Iterator[str]:
    for mapped, at in operator_map.operations.values():
        if at == where and mapped.paging is not None and endpoint.method == "GET":
            yield from (mapped.paging.parameter, mapped.paging.size_parameter)


def _usable(parameter: Parameter, where: Where, key: str) -> Iterator[SettingsInvalid]:
    if parameter.style not in _STYLES:
        yield where.refused(f"parameters in the style {parameter.style} cannot be written", "Leave it out.", key)


def _source_faults(
    operator_map: OperatorMap, operation: Operation, place: Place, where: Where, key: str
) -> Iterator[SettingsInvalid]:
    if place.value.startswith(ALWAYS):
        return
    if place.value.startswith(READ):
        pointer = place.value.removeprefix(READ)
        if complaint := pointer_complaint(pointer):
            yield where.refused(complaint, 'Write it such as "read:/endpoint/id".', key)
        has_read = Operation.THINGS_READ in operator_map.operations and operation is not Operation.THINGS_READ
        if not has_read or "thing" not in VALUES[operation]:
            yield where.refused(
                "read: needs the operation things.read, and a Thing to read", "Add things.read, or remove it.", key
            )
    elif place.value not in VALUES[operation]:
        known = VALUES[operation]
        yield where.refused(
            f"there is no such value.{did_you_mean(place.value, known)}",
            f"{operation} has {', '.join(known) or 'no values'}.",
            key,
        )


def _paging_faults(endpoint: Endpoint, mapped: Mapped, where: Where) -> Iterator[SettingsInvalid]:
    paging, at = mapped.paging, where.below("paging")
    if paging is None:
        return
    if endpoint.method != "GET":
        yield at.refused(f"{endpoint.shown} has no pages: only a GET has", "Remove the table.", "by")
    if paging.by != "link" and not paging.parameter:
        yield at.refused("the key parameter is missing", 'Add a line such as parameter = "page".')
    if paging.by == "cursor" and not paging.next_at:
        yield at.refused("the key next_at is missing", 'Add a line such as next_at = "/next_cursor".')
    known = endpoint.in_place("query")
    for key, name in (("parameter", paging.parameter), ("size_parameter", paging.size_parameter)):
        if name and name not in known:
            hint = did_you_mean(name, known)
            yield at.refused(f"{endpoint.shown} has no such parameter: {name}.{hint}", _FIX, key)


def word_faults(operator_map: OperatorMap) -> Iterator[SettingsInvalid]:
    """Say which tables belong to no value, and which of our words do not exist."""
    values = {value for names in VALUES.values() for value in names}
    for table, words in operator_map.words.items():
        where = operator_map.where.below("words").below(table)
        if table not in values:
            hint = did_you_mean(table, (*_OURS, "services", "protocol", "permission"))
            yield where.refused(f"no value has this name.{hint}", "Correct the name, or remove the table.")
        known = _OURS.get(table)
        for word in words:
            if known is not None and word not in known:
                what = f"there is no such {table}.{did_you_mean(word, known)}"
                yield where.refused(what, f"Correct the name. There are {', '.join(known)}.", word)


def words_not_in(
    operator_map: OperatorMap, place: Place, schemas: list[Node], where: Where, key: str, reported: Words
) -> Iterator[SettingsInvalid]:
    """Say which words the contract does not have at a place. Each word once: several operations may use it.

    Args:
        operator_map: The map.
        place: What goes there.
        schemas: What the contract says about the place.
        where: The operation's table.
        key: The key in it.
        reported: The words that were reported already. Those that are reported here are added.
    """
    choices = choices_of(schemas)
    for name, word in operator_map.words.get(place.value, {}).items():
        if choices is not None and word not in choices and (place.value, name) not in reported:
            reported.add((place.value, name))
            hint = f" It has {', '.join(map(str, choices))[:200]}."
            yield where.refused(f"the contract has no word {word}, which stands for {name}.{hint}", _FIX, key)
