"""A map is held against its contract before anything is called. Each fault names table and key."""

import json
from pathlib import Path
from typing import Any

import pytest

from engage_server.errors import SettingsInvalid, UsageError
from engage_server.links.sim.contract.binding import Binding, bind
from engage_server.links.sim.contract.document import Document, read_document
from engage_server.links.sim.contract.operator_map import read_map
from engage_server.links.sim.contract.validity import Validity
from engage_server.links.sim.operations import Operation
from tests.support.sim.prism import CONTRACT, MAP

SET = '[operations."things.set_state"]'
LIST = '[operations."things.list"]'
READ = '[operations."things.read"]'


def changed(folder: Path, old: str, new: str) -> Path:
    """The map with one text replaced."""
    text = MAP.read_text()
    assert text.count(old) == 1 or old.count("\n"), old
    (folder / "map.toml").write_text(text.replace(old, new, 1))
    return folder / "map.toml"


def bound(operator_map: Path, document: Document | None = None) -> Binding:
    return bind(document or read_document(CONTRACT), read_map(operator_map))


def test_the_map_of_the_tests_fits_and_has_all_operations() -> None:
    found = bound(MAP)
    assert found.faults == ()
    assert set(found.operations) == set(Operation)
    assert found.operations[Operation.THINGS_SET_STATE].media_type == "application/merge-patch+json"
    assert found.operations[Operation.USERS_LIST].endpoint.shown == "GET /users"


FAULTS = [
    (
        f'{SET}\noperation_id = "updateThing"',
        f'{SET}\noperation_id = "updateTing"',
        f"{SET}: operation_id: ",
        "updateThing?",
    ),
    (
        'route = "/users"',
        'route = "/user"',
        '[operations."users.list"]: route: the contract has no GET /user.',
        "/users?",
    ),
    ('answer = "/things"', 'answer = "/items"', f"{LIST}: answer: ", "have no /items"),
    (
        'group = "group", state',
        'grp = "group", state',
        f"{LIST}: query: ",
        "no such parameter: grp. Did you mean group?",
    ),
    ('parameter = "page"', 'parameter = "pge"', '[operations."things.list".paging]: parameter: ', "Did you mean page?"),
    ('"page_size", size', '"pagesize", size', '[operations."things.list".paging]: size_parameter: ', "page_size?"),
    ('by = "page", parameter = "page",', 'by = "page",', '[operations."things.list".paging]: ', "parameter is missing"),
    ('by = "page"', 'by = "cursor"', '[operations."things.list".paging]: ', "next_at is missing"),
    (
        f'{READ}\noperation_id = "readThing"\npath = {{ iccid = "thing" }}',
        f'{READ}\noperation_id = "readThing"',
        f"{READ}: path: ",
        "requires the parameter iccid",
    ),
    ('body = { "/state" = "state" }', 'body = { "/stat" = "state" }', f"{SET}: body: ", "has no /stat"),
    ('body = { "/state" = "state" }', "", f"{SET}: body: ", "must have a body"),
    ('body = { "/state" = "state" }', 'body = { "/state" = "stat" }', f"{SET}: body./state: ", "Did you mean state?"),
    (
        'body = { "/state" = "state" }',
        'body = { "/state" = "read:/x" }\nquery = { x = "text" }',
        f"{SET}: query: ",
        "no such parameter: x",
    ),
    ('body = { "/text" = "text" }', 'constants = { "/txt" = "x" }', '[operations."sms.send"]: constants: ', "no /txt"),
    (
        'body = { "/text" = "text" }',
        'constants = { "/text" = "x" }\nmedia_type = "text/plain"',
        '[operations."sms.send"]: media_type: ',
        "does not take",
    ),
    (
        'operation_id = "listGroups"',
        'operation_id = "listGroups"\nconstants = { "/x" = 1 }',
        '[operations."groups.list"]: body: ',
        "a GET has no body",
    ),
    (
        'operation_id = "releaseAddress"',
        'operation_id = "releaseAddress"\nconstants = { "/x" = 1 }',
        '[operations."things.release_address"]: body: ',
        "takes no body",
    ),
    ('"/peer" = "peer"', "", '[operations."tunnels.add"]: body: ', "requires /peer"),
    (
        'operation_id = "readGroup"\npath = { group_id = "group" }',
        'operation_id = "readGroup"\npath = { group_id = "read:/x" }',
        '[operations."groups.read"]: path.group_id: ',
        "read: needs",
    ),
    ('imei = "/imei"', 'imei = "/imie"', "[thing]: imei: ", "no answer of the contract has /imie"),
    ('label = "/label"', 'label = "/labell"', "[thing.fields]: label: ", "/labell"),
    (
        'ACTIVE = "ACTIVE"',
        'ACTIVE = "ENABLED"',
        '[operations."things.set_state"]: body./state: ',
        "no word ENABLED, which stands for ACTIVE. It has PROVISIONED, ACTIVE, SUSPENDED, RETIRED.",
    ),
    ('ACTIVE = "ACTIVE"', 'ACTIV_E = "ACTIVE"', "[words.state]: ACTIV_E: ", "Did you mean ACTIVE?"),
    (
        'data = "DATA"',
        'data = "IP"',
        '[operations."things.set_services"]: body./services: ',
        "no word IP, which stands for data",
    ),
    ('in = "IN"', 'inn = "IN"', "[words.direction]: inn: ", "no such direction. Did you mean in?"),
    ('deny = "DENY"', 'drop = "DENY"', "[words.action]: drop: ", "no such action."),
    ("[words.permission]", "[words.permissions]", "[words.permissions]: ", "Did you mean permission?"),
    ('tcp = "TCP"', 'tcp = "tcp"', '[operations."nat.add"]: body./protocol: ', "no word tcp"),
]


@pytest.mark.parametrize(("old", "new", "place", "said"), FAULTS, ids=[each[2] + each[3] for each in FAULTS])
def test_a_fault_is_found(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    sentences = [each.sentence for each in bound(changed(tmp_path, old, new)).faults]
    assert sentences
    assert any(f"map.toml: {place}" in each and said in each for each in sentences), sentences


@pytest.mark.parametrize(
    ("old", "new"),
    [('ACTIVE = "ACTIVE"', 'ACTIVE = "ENABLED"'), ('tcp = "TCP"', 'tcp = "tcp"'), ('data = "DATA"', 'data = "IP"')],
)
def test_a_wrong_word_is_reported_once_however_many_operations_use_it(tmp_path: Path, old: str, new: str) -> None:
    assert len(bound(changed(tmp_path, old, new)).faults) == 1


def test_a_word_that_only_answers_have_is_reported_too(tmp_path: Path) -> None:
    text = MAP.read_text().replace('ACTIVE = "ACTIVE"', 'ACTIVE = "ENABLED"', 1)
    text = text.replace('query = { group = "group", state = "state" }', 'query = { group = "group" }')
    begin, end = text.index('[operations."things.set_state"]'), text.index('[operations."things.set_tags"]')
    (tmp_path / "map.toml").write_text(text[:begin] + text[end:])
    (fault,) = bound(tmp_path / "map.toml").faults
    assert "[words.state]: ACTIVE: the contract's answers have no such state: ENABLED." in fault.sentence


def test_no_words_for_states(tmp_path: Path) -> None:
    text = MAP.read_text()
    begin, end = text.index("[words.state]"), text.index("[words.services]")
    (tmp_path / "map.toml").write_text(text[:begin] + text[end:])
    (fault,) = bound(tmp_path / "map.toml").faults
    assert "[words.state]: no word is given for any state" in fault.sentence


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('operation_id = "listGroups"', "", "either operation_id, or method and route"),
        ('operation_id = "listGroups"', 'method = "get"', "either operation_id, or method and route"),
        ('operation_id = "listGroups"', 'method = "head"\nroute = "/groups"', "method: it must be one of"),
        ('[operations."groups.list"]', '[operations."groups.lst"]', "no such operation. Did you mean groups.list?"),
        ('thing = "/iccid"', 'thing = "iccid"', "[thing]: thing: a JSON Pointer begins with '/'"),
        ('thing = "/iccid"', 'thing = "/icc~id"', "'~' is written '~0'"),
        ('thing = "/iccid"', "", "the key thing is missing"),
        ('body = { "/text" = "text" }', 'body = { "text" = "text" }', "body: a JSON Pointer begins"),
        ('body = { "/text" = "text" }', 'body = { "" = "text" }', "it must name a place in the body"),
        ('body = { "/text" = "text" }', 'body = { "/text" = 7 }', "it must be a table"),
        ('body = { "/text" = "text" }', 'body = { "/text" = { valu_e = "text" } }', "Did you mean value?"),
        ('ACTIVE = "ACTIVE"', "ACTIVE = 1.5", "[words.state]: ACTIVE: it must be a text or a whole number"),
        ('by = "page"', 'by = "pages"', "by: it must be one of: page, offset, cursor, link"),
        ("[accepted]", "[accept_ed]", "Did you mean accepted?"),
        ('status_at = "/status"', "status_at = 7", "status_at: it must be text"),
    ],
)
def test_what_is_no_map(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_map(changed(tmp_path, old, new))
    assert said in refused.value.sentence


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read_map(tmp_path / "none.toml")
    assert "map_file" in refused.value.next_step


_CONTENT = {"name": "group", "in": "query", "content": {"application/json": {"schema": {}}}}
_COOKIE = {"name": "session", "in": "cookie", "required": True, "schema": {}}


def contract_with(change: Any) -> Document:
    """The contract, changed."""
    root = json.loads(json.dumps(read_document(CONTRACT).root))
    change(root)
    return Document("contract.json", root, True)


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("paths", "/things", "get", "parameters", 0), {"$ref": "other.yaml#/x"}, "leads out of the file"),
        (("paths", "/things", "get", "parameters", 0), {"name": "group"}, "no place that is known"),
        (("paths", "/things", "get", "parameters", 0, "style"), "deepObject", "style deepObject cannot be written"),
        (("paths", "/things", "get", "responses"), {"200": {"$ref": "#/nothing"}}, "leads to nothing"),
        (("paths", "/things", "get", "responses"), {"200": []}, "is no object"),
        (("paths", "/things", "get", "parameters", 0), _CONTENT, "style content cannot be written"),
        (("paths", "/things", "get", "parameters", 3), _COOKIE, "needs the cookie session"),
        (("paths", "/things", "get", "parameters"), 7, "no such parameter: group"),
        (("paths", "/things", "get", "parameters", 0, "in"), [], "no place that is known"),
    ],
)
def test_a_contract_that_is_broken_is_a_fault_of_its_operation_alone(where: Any, value: Any, said: str) -> None:
    def change(root: Any) -> None:
        *above, last = where
        for part in above:
            root = root[part]
        root[last] = value

    found = bound(MAP, contract_with(change))
    assert any('[operations."things.list"]' in each.sentence and said in each.sentence for each in found.faults)
    assert Operation.THINGS_LIST not in found.operations
    assert Operation.THINGS_READ in found.operations


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": True}, "a schema cannot be used"),
        ({"type": "nothing"}, "a schema cannot be used"),
        ({"type": "string", "pattern": r"\\p{L}("}, "the pattern .* cannot be read here"),
        ({"$ref": "#/nothing"}, "leads to nothing"),
    ],
)
def test_a_schema_that_is_broken_is_an_error_when_a_value_is_held_against_it(schema: Any, said: str) -> None:
    document = Document("contract.json", {"components": {"schemas": {}}}, True)
    with pytest.raises(UsageError, match=said) as refused:
        Validity(document).complaint(schema, "x")
    assert refused.value.code == "sim.contract"


def test_a_required_name_that_is_no_text_is_no_place() -> None:
    def change(root: Any) -> None:
        root["components"]["schemas"]["User"]["required"] = [{"x": None}, "name", 7]

    assert bound(MAP, contract_with(change)).faults == ()


def test_answers_that_the_contract_does_not_describe_have_every_place() -> None:
    def change(root: Any) -> None:
        root["components"]["schemas"]["Thing"] = {"type": "object"}

    assert bound(MAP, contract_with(change)).faults == ()
