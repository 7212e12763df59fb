"""What may be wrong with the tables ``[words.NAME]`` of a map: our words on the left, the contract's on the right."""

from collections.abc import Iterator, Mapping
from typing import Final

from engage_server.errors import SettingsInvalid
from engage_server.links.registry.table import Where, did_you_mean
from engage_server.links.sim.contract.document import Node
from engage_server.links.sim.contract.operator_map import OperatorMap, Place
from engage_server.links.sim.contract.schemas import choices_of
from engage_server.links.sim.operations import VALUES
from engage_server.links.sim.things import ThingState

_FIX: Final = "Correct the map: the contract is right."
# our words, where we know them all. Others are the operator's own, such as permissions
_OURS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": tuple(each.value for each in ThingState),
    "direction": ("in", "out"),
    "action": ("allow", "deny"),
}
Words = set[tuple[str, str]]  # the table, and our word in it


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
