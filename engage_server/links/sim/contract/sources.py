"""Where the values of a request come from, and in which type and which words the contract wants them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engage_server.errors import UsageError
from engage_server.links.sim.account import Values
from engage_server.links.sim.contract.binding_of_values import ALWAYS, READ
from engage_server.links.sim.contract.document import Document, Node
from engage_server.links.sim.contract.operator_map import Mapped, OperatorMap, Place
from engage_server.links.sim.contract.pointers import MISSING, found_at
from engage_server.links.sim.contract.schemas import schemas_at, types_of

_FIX: Final = "Correct the value. Nothing was sent."
_TRUTHS: Final = {"true": True, "false": False}


def reads_first(mapped: Mapped) -> bool:
    """Whether a request needs what a read of the Thing answers."""
    places = [*mapped.path.values(), *mapped.query.values(), *mapped.header.values(), *mapped.body.values()]
    return any(each.value.startswith(READ) for each in places)


class Sources:
    """Finds values, and writes them as the contract wants them.

    Args:
        document: The contract.
        operator_map: Its map, for the words.
        read: What a read of the Thing answered; None if none was needed.
    """

    def __init__(self, document: Document, operator_map: OperatorMap, read: object = None) -> None:
        self._document = document
        self._words = operator_map.words
        self._read = read

    def schemas(self, schema: object, pointer: str) -> list[Node]:
        """Return what the contract says about a place in a body."""
        return schemas_at(self._document, schema, pointer)

    def value(self, place: Place, values: Values, schemas: list[Node]) -> Any:
        """Return what goes to a place. None if there is nothing.

        Raises:
            UsageError: The contract has no word for it, or wants another type.
        """
        if place.value.startswith(READ):
            found = found_at(self._read, place.value.removeprefix(READ))
            return None if found is MISSING else _fitted(place.value, found, types_of(schemas))
        if place.value.startswith(ALWAYS):
            return _fitted(place.value, place.value.removeprefix(ALWAYS), types_of(schemas))
        given = values.get(place.value, "")
        if given == "":
            return None
        if isinstance(given, Sequence) and not isinstance(given, str):
            return self._list(place, given, schemas)
        return self._single(place, given, schemas)

    def _list(self, place: Place, given: Sequence[str], schemas: list[Node]) -> Any:
        worded = [self._worded(place.value, each) for each in given]
        if place.joined_by:
            return place.joined_by.join(map(str, worded))
        kinds = types_of(schemas)
        if kinds and "array" not in kinds:
            raise UsageError(
                f"the contract takes no list for '{place.value}'",
                "Give the place joined_by in the map.",
                code="sim.value",
            )
        return worded

    def _single(self, place: Place, given: str | int, schemas: list[Node]) -> Any:
        value, kinds = self._worded(place.value, given), types_of(schemas)
        if kinds == {"array"}:
            return [value]
        if isinstance(value, str):
            value = value if value.startswith(place.prefix) else place.prefix + value
        return _fitted(place.value, value, kinds)

    def _worded(self, name: str, value: str | int) -> Any:
        words: Mapping[str, Any] = self._words.get(name, {})
        if not words:
            return value
        if value not in words:
            raise UsageError(
                f"the map has no word for the {name} '{value}'", f"It has {', '.join(words)}.", code="sim.value"
            )
        return words[str(value)]


def _fitted(name: str, value: Any, kinds: set[str]) -> Any:
    """Contracts give one thing as a number here and as a text there: an id in an answer, and the same id in a path."""
    if isinstance(value, str):
        return _typed(name, value, kinds)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_whole and kinds == {"string"} else value


def _typed(name: str, text: str, kinds: set[str]) -> Any:
    if not kinds or "string" in kinds:
        return text
    try:
        if "integer" in kinds:
            return int(text)
        if "number" in kinds:
            return int(text) if text.lstrip("-").isdecimal() else float(text)
        if "boolean" in kinds:
            return _TRUTHS[text.lower()]
    except (ValueError, KeyError):
        raise UsageError(
            f"the value '{name}' must be of type {' or '.join(sorted(kinds))}", _FIX, code="sim.value"
        ) from None
    return text
