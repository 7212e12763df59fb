"""Reads what an operator answers: any JSON at all. Texts are bounded, and nothing in them can act on a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from engage_server.errors import BodyInvalid, UpstreamSilent
from engage_server.links.sim.contract.operator_map import OperatorMap, ReachedPlaces
from engage_server.links.sim.contract.pointers import MISSING, found_at
from engage_server.links.sim.secret_names import is_secret
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.protocol.json_body import read_json
from engage_server.shown_text import without_controls

MAX_TEXT: Final = 500
_MAX_DEPTH: Final = 32
_MAX_LIST: Final = 10_000
_ANOTHER: Final = "Compare the map with what the operator answers."
_NO_API: Final = "Check base_url, and whether something in between asks for a login."
_HIDDEN: Final = "***"
_NAMES: Final = ("name", "key", "parameter", "attribute", "field", "type")  # of {"name": "psk", "value": "..."}
_SHORTEST: Final = 4  # a shorter secret would be found in every second text


def parsed(body: bytes, where: str) -> Any:
    """Return the JSON of an answer. None for an empty one.

    Raises:
        UpstreamSilent: It is something else.
    """
    if not body.strip():
        return None
    try:
        return read_json(body, _MAX_DEPTH)
    except BodyInvalid as error:
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise UpstreamSilent(f"{where} answered with a web page, not JSON", _NO_API, code="sim.answer") from None
        raise unusable(f"{where} answered, but {error.sentence.replace('the body', 'the answer')}") from None


def unusable(what: str) -> UpstreamSilent:
    """Return the error for an answer that is not what the contract has. The code is ``sim.answer``."""
    return UpstreamSilent(what, _ANOTHER, code="sim.answer")


def listed(answer: Any, pointer: str, where: str) -> list[Any]:
    """Return the list in an answer.

    Raises:
        UpstreamSilent: There is none.
    """
    found = found_at(answer, pointer)
    if not isinstance(found, list):
        raise unusable(f"{where} answered, but there is no list at '{pointer}'")
    return found


def entry(item: Any, secrets: Iterable[str] = ()) -> dict[str, object]:
    """Return an item as it may be shown and kept: bounded, and without secrets. What is no object is ``value``.

    Args:
        item: Any JSON.
        secrets: What was sent, and must not be shown if the answer repeats it, whatever the field is called.
    """
    found = _bounded(_without(item, [each for each in secrets if len(each) >= _SHORTEST]), 0)
    return found if isinstance(found, dict) else {} if found is None else {"value": found}


def text_of(value: object) -> str:
    """Return a text that may be shown. "" for what is neither a text nor a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:MAX_TEXT]
    return without_controls(value[:MAX_TEXT])[:MAX_TEXT] if isinstance(value, str) else ""


def thing_of(item: Any, operator_map: OperatorMap, where: str) -> Thing:
    """Read one Thing.

    Raises:
        UpstreamSilent: It has no identity.
    """
    places = operator_map.thing
    identity = text_of(found_at(item, places.thing))
    if not identity:
        raise unusable(f"{where} answered, but a SIM has no text at '{places.thing}'")
    return _thing(item, identity, operator_map)


def described(item: Any, asked: str, operator_map: OperatorMap, where: str) -> tuple[Thing | None, frozenset[str]]:
    """Read what the answer to a write says of a Thing, and which of its attributes it has.

    Args:
        item: What stands where the map says that the item is. It may be anything.
        asked: The identity that the write was for.
        operator_map: The map.
        where: For errors.

    Raises:
        UpstreamSilent: It is about another Thing.
    """
    if not isinstance(item, Mapping):
        return None, frozenset()
    places = operator_map.thing
    named = {each.name: getattr(places, each.name) for each in fields(places) if each.name != "fields"}
    says = frozenset(name for name, pointer in named.items() if pointer and found_at(item, pointer) is not MISSING)
    if text_of(found_at(item, places.thing)) not in ("", asked):
        if "state" in says:
            raise unusable(f"{where} answered, but about another SIM")
        return None, frozenset()  # the number of an event, or of an address
    return (_thing(item, asked, operator_map) if says else None), says


def _thing(item: Any, identity: str, operator_map: OperatorMap) -> Thing:
    places = operator_map.thing

    def text(pointer: str) -> str:
        return text_of(found_at(item, pointer)) if pointer else ""

    word = found_at(item, places.state) if places.state else MISSING
    return Thing(
        identity,
        _state(word, operator_map),
        text_of(word),
        text(places.iccid),
        text(places.imsi),
        text(places.imei),
        text(places.phone_number),
        text(places.address),
        _truth(item, places.is_locked),
        text(places.group),
        _texts(item, places.tags) or (),
        _services(item, operator_map),
        _truth(item, places.is_connected),
        {name: _HIDDEN if _is_hidden(name, pointer) else text(pointer) for name, pointer in places.fields.items()},
    )


def reached_of(answer: Any, places: ReachedPlaces) -> Reached:
    """Read whether a SIM is reached. ``unknown`` for what the map has no word for."""
    at = _time(found_at(answer, places.at)) if places.at else None
    reachable = found_at(answer, places.reachable) if places.reachable else MISSING
    if reachable is False:
        return Reached(Reachability.NONE, at)
    words = set(_texts(answer, places.by) or ())
    for found, known in (
        (Reachability.DATA, places.data),
        (Reachability.SMS, places.sms),
        (Reachability.NONE, places.none),
    ):
        if words & set(known):
            return Reached(found, at)
    return Reached(Reachability.UNKNOWN, at)


def _state(word: object, operator_map: OperatorMap) -> ThingState | None:
    for name, known in operator_map.words.get("state", {}).items():
        if word == known and isinstance(word, bool) == isinstance(known, bool):
            return ThingState(name)
    return None


def _services(item: Any, operator_map: OperatorMap) -> tuple[str, ...] | None:
    ours = {str(word): name for name, word in operator_map.words.get("services", {}).items()}
    found = _texts(item, operator_map.thing.services)
    return None if found is None else tuple(ours.get(each, each) for each in found)


def _truth(item: Any, pointer: str) -> bool | None:
    found = found_at(item, pointer) if pointer else None
    return found if isinstance(found, bool) else None


def _texts(item: Any, pointer: str) -> tuple[str, ...] | None:
    """A list of texts, or one text with commas. None for anything else."""
    found = found_at(item, pointer) if pointer else MISSING
    if isinstance(found, str):
        found = [each.strip() for each in found.split(",")]
    if not isinstance(found, list):
        return None
    return tuple(text for text in map(text_of, found[:_MAX_LIST]) if text)


def _time(value: object) -> datetime | None:
    """A time with a zone. Without one it is not known whose clock it is."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _bounded(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return dict(_fields(value, depth))
    if isinstance(value, list):
        return [_bounded(each, depth + 1) for each in value[:_MAX_LIST]]
    return text_of(value) if isinstance(value, str) or (isinstance(value, int) and abs(value) > 2**53) else value


def _fields(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    is_pair = any(isinstance(name := value.get(each), str) and is_secret(name) for each in _NAMES)
    for name, each in list(value.items())[:_MAX_LIST]:
        hidden = is_secret(name) or (is_pair and name.lower() in ("value", "content", "data"))
        yield text_of(name), _HIDDEN if hidden and each not in (None, "") else _bounded(each, depth + 1)


def _is_hidden(name: str, pointer: str) -> bool:
    return is_secret(name) or is_secret(pointer.rpartition("/")[2])


def _without(value: Any, secrets: Sequence[str]) -> Any:
    """The same, and whatever repeats one of these texts is hidden."""
    if not secrets:
        return value
    if isinstance(value, Mapping):
        return {name: _without(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, secrets) for each in value]
    return _HIDDEN if isinstance(value, str) and any(each in value for each in secrets) else value
