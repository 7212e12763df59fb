"""A contract is somebody else's file. Whatever stands in it: it is bound, or its faults are named. Nothing crashes."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engage_server.errors import EngageError
from engage_server.links.sim.contract.binding import bind
from engage_server.links.sim.contract.document import Document, read_document
from engage_server.links.sim.contract.operator_map import read_map
from engage_server.links.sim.contract.requests import written
from engage_server.links.sim.contract.sources import Sources
from engage_server.links.sim.contract.validity import Validity
from engage_server.links.sim.operations import Operation
from tests.support.lengths import examples
from tests.support.sim.accounts import ICCID
from tests.support.sim.prism import CONTRACT, MAP

_DOCUMENT, _MAP = read_document(CONTRACT), read_map(MAP)
_OPERATIONS = (Operation.THINGS_SET_STATE, Operation.THINGS_SET_TAGS, Operation.THINGS_READ, Operation.THINGS_LIST)
_VALUES: dict[Operation, dict[str, Any]] = {
    Operation.THINGS_SET_STATE: {"thing": ICCID, "state": "ACTIVE"},
    Operation.THINGS_SET_TAGS: {"thing": ICCID, "tags": ["a"]},
    Operation.THINGS_READ: {"thing": ICCID},
    Operation.THINGS_LIST: {"group": "x", "state": "ACTIVE"},
}
_other: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        False,
        7,
        -1.5,
        "text",
        "",
        [],
        {},
        [None],
        ["x"],
        [[]],
        {"x": None},
        {"$ref": "#/paths"},
        {"$ref": "#/components/schemas/State"},
        {"$ref": 7},
        {"$ref": "http://127.0.0.1:1/x"},
        {"type": []},
        {"type": "nothing"},
        {"enum": "x"},
        {"pattern": "("},
        {"required": "x"},
        {"properties": []},
        {"allOf": [{"$ref": "#/components/schemas/Thing"}]},
    ]
)


def places(node: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Each place in a document, but for the whole."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, each in inner for found in ((*above, key), *places(each, (*above, key)))]


_NEAR = [
    each for each in places(_DOCUMENT.root) if each[0] != "paths" or set(each[1:2]) <= {"/things", "/things/{iccid}"}
]


def replaced(place: tuple[Any, ...], value: object, is_old: bool) -> Document:
    """The contract with another value at one place."""
    root = copy.deepcopy(dict(_DOCUMENT.root))
    node: Any = root
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return Document("contract.json", root, is_old)


@given(st.sampled_from(_NEAR), _other, st.booleans())
@settings(max_examples=examples(all=200, quick=80, campaign=2_000), deadline=None)
def test_any_contract_is_bound_or_its_faults_are_named(place: tuple[Any, ...], value: object, is_old: bool) -> None:
    document = replaced(place, value, is_old)
    try:
        found = bind(document, _MAP)
    except EngageError:
        return
    assert all(each.next_step for each in found.faults)
    for operation in _OPERATIONS:
        if operation in found.operations:
            try:
                written(found.operations[operation], _VALUES[operation], Sources(document, _MAP), Validity(document))
            except EngageError as error:
                assert error.code in ("sim.value", "sim.contract"), error
