"""Contracts of a few hundred bytes that would keep a processor busy for years. Each ends at once."""

import itertools
from typing import Any

import pytest

from engage_server.errors import UsageError
from engage_server.links.sim.contract.document import Document
from engage_server.links.sim.contract.patterns import MANY, most_ways
from engage_server.links.sim.contract.schemas import required_places, schemas_at
from engage_server.links.sim.contract.validity import Validity

HERE = "#/components/schemas/"
VERSIONS = pytest.mark.parametrize("is_3_0", [True, False])


class Counted(dict[str, Any]):
    """An object of a contract that is read a few times, or the test fails: without it, it would hang."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.reads = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.reads += 1
        assert self.reads < 200_000, "this would not end"
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.get(key)
        return super().__contains__(key)


def doubling(levels: int, last: dict[str, Any], rule: str = "allOf") -> dict[str, Any]:
    """Each schema names the next one twice."""
    found: dict[str, Any] = {f"N{n}": {rule: [{"$ref": f"{HERE}N{n + 1}"}] * 2} for n in range(levels)}
    return {**found, f"N{levels}": Counted(last)}


def contract(schemas: dict[str, Any], is_3_0: bool = False) -> Document:
    return Document("contract.json", {"components": {"schemas": schemas}}, is_3_0)


def test_a_schema_that_holds_itself_twenty_times_requires_each_place_once() -> None:
    one = Counted({"required": ["a"], "properties": {"a": {}}, "allOf": [{"$ref": f"{HERE}A"}] * 20})
    assert required_places(contract({"A": one}), {"$ref": f"{HERE}A"}) == ["/a"]


def test_places_that_double_with_each_level_are_a_fault() -> None:
    schemas: dict[str, Any] = {
        f"N{n}": {"required": ["a", "b"], "properties": {name: {"$ref": f"{HERE}N{n + 1}"} for name in "ab"}}
        for n in range(16)
    }
    document = contract({**schemas, "N16": Counted({})})
    names = list(itertools.repeat({"$ref": f"{HERE}N0"}, 9))
    with pytest.raises(UsageError, match="leads to too many others") as refused:
        required_places(
            document, {"allOf": names, "required": list("abcdefgh"), "properties": dict.fromkeys("abcdefgh", names[0])}
        )
    assert refused.value.code == "sim.contract"


def test_a_place_is_found_however_many_ways_lead_to_it() -> None:
    document = contract(doubling(40, {"properties": {"a": {"type": "string"}}}))
    assert schemas_at(document, {"$ref": f"{HERE}N0"}, "/a") == [{"type": "string"}]
    with pytest.raises(UsageError, match="leads to too many others"):
        schemas_at(document, {"allOf": [{"x": n} for n in range(3_000)]}, "")


@VERSIONS
@pytest.mark.parametrize("rule", ["allOf", "anyOf", "oneOf"])
def test_a_value_is_held_against_a_limited_number_of_schemas(is_3_0: bool, rule: str) -> None:
    document = contract(doubling(40, {"type": "string"}, rule), is_3_0)
    with pytest.raises(UsageError, match="leads to too many others") as refused:
        Validity(document).complaint({"$ref": f"{HERE}N0"}, {})
    assert refused.value.code == "sim.contract"
    few = contract(doubling(5, {"type": "string"}), is_3_0)
    assert Validity(few).complaint({"$ref": f"{HERE}N0"}, "x") == ""
    assert Validity(few).complaint({"$ref": f"{HERE}N0"}, 7) == "type string"


def test_also_where_a_rule_asks_what_others_looked_at() -> None:
    schema = {"unevaluatedProperties": False, "$ref": f"{HERE}N0"}
    with pytest.raises(UsageError, match="leads to too many others"):
        Validity(contract(doubling(40, {"type": "object"}))).complaint(schema, {"a": 1})


def test_a_schema_cannot_choose_rules_that_are_not_counted() -> None:
    schemas = {
        name: {"$schema": "http://json-schema.org/draft-07/schema#", **each}
        for name, each in doubling(40, {"type": "object"}).items()
    }
    with pytest.raises(UsageError, match="leads to too many others"):
        Validity(contract(schemas)).complaint(schemas["N0"], {})


TEXT = "8931440000000000001aaaaaaaaaaaa!"


@VERSIONS
@pytest.mark.parametrize("pattern", ["^([a-z0-9]+)+$", "^(ab|[a-z0-9])*$", "^(?:[a-z0-9]{0,9})*$", "^(\\w*)*$"])
def test_a_pattern_that_may_never_end_is_not_run(is_3_0: bool, pattern: str) -> None:
    assert most_ways(pattern, len(TEXT)) == MANY  # without that, the next line would hang
    assert Validity(contract({}, is_3_0)).complaint({"type": "string", "pattern": pattern}, TEXT) == ""


@VERSIONS
@pytest.mark.parametrize("pattern", ["^[0-9]{19,20}$", "^\\+?[0-9]+$", "^(active|suspended)$", "^[^@]+@[^@]+$"])
def test_and_those_that_end_are(is_3_0: bool, pattern: str) -> None:
    assert most_ways(pattern, len(TEXT)) <= 10_000
    assert (
        Validity(contract({}, is_3_0)).complaint({"type": "string", "pattern": pattern}, TEXT)
        == f"it must match the pattern {pattern}"
    )


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        ("^abc$", 1),
        ("abc", 41),
        ("^a*$", 41),
        ("^a*b*$", 41 * 41),
        ("^[0-9]{19,20}$", 2),
        ("^(a|bc|d*)$", 43),
        ("^(?:25[0-5]|[1-9]?[0-9]){3}$", 27),
        ("^(?=.*a)b$", 41),
        ("^((?:){60000}){60000}$", MANY),
        ("a*" * 500, MANY),
        ("x" * 3_000, MANY),
        ("(" * 900 + ")" * 900, MANY),
    ],
)
def test_ways_are_counted(pattern: str, ways: int) -> None:
    assert most_ways(pattern, 40) == ways


def test_a_pattern_of_names_must_end() -> None:
    schema: dict[str, Any] = {"patternProperties": {"^(a+)+$": {}}}
    with pytest.raises(UsageError, match=r"the pattern .* cannot be read here"):
        Validity(contract({})).complaint(schema, {"a": 1})
    usable = {"patternProperties": {"^a+$": {"type": "string"}}, "additionalProperties": False}
    assert Validity(contract({})).complaint(usable, {"aa": "x"}) == ""
    assert Validity(contract({})).complaint(usable, {"b": "x"}) != ""
