"""What ``engage link check`` says about accounts. No operator is called: nothing listens at their addresses."""

from pathlib import Path

import pytest

from engage_server.links.checkup import check_links
from engage_server.links.registry.links_file import read_links_file
from engage_server.links.sim.checkup import call_accounts, check_accounts
from engage_server.services.installation.checkup import Check, Level
from engage_server.settings import load_settings
from tests.support.chains import NOW
from tests.support.commands import engage
from tests.support.hidden import run_without
from tests.support.installation import make_installation
from tests.support.running import ok
from tests.support.sim.accounts import links_file
from tests.support.sim.prism import CONTRACT
from tests.support.sim.raw import RawPeer, http

URL = "https://sims.invalid/v1"


def test_an_account_that_can_be_used_has_one_line(tmp_path: Path) -> None:
    (found,) = check_accounts(links_file(tmp_path, URL))
    assert (found.name, found.level) == ("sim jpu", Level.OK)
    assert found.sentence == "Programmable SIMs of the tests 1.2.0: 26 operations can be used"


def test_the_whole_check_has_it_too(tmp_path: Path) -> None:
    links_file(tmp_path, URL, more='[links.x]\nsite = "depot"\npartner = "sim"\naccount = "jpu"\nthings = ["1"]')
    settings = load_settings(None, {"links_file": str(tmp_path / "links.toml")}, {}, tmp_path)
    assert [each.level for each in check_links(settings, ["depot"], NOW) if each.name == "sim jpu"] == [Level.OK]


def test_what_a_map_lacks_is_named(tmp_path: Path) -> None:
    small = tmp_path / "small.toml"
    small.write_text(
        '[thing]\nthing = "/iccid"\nstate = "/state"\n[words.state]\nACTIVE = "ACTIVE"\n'
        '[operations."things.read"]\noperation_id = "readThing"\npath = { iccid = "thing" }\n'
    )
    (found,) = check_accounts(links_file(tmp_path, URL, operator_map=small))
    assert "1 operation can be used. Its map has no things.list, things.set_state" in found.sentence


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ("secret", "holds a secret, and other users"),
        ("no secret", "cannot read it"),
        ("contract", "cannot"),
        ("trust", "holds no certificates"),
        ("link", "there is no table [sim.jup]"),
    ],
)
def test_what_cannot_be_used_is_a_problem(tmp_path: Path, break_it: str, said: str) -> None:
    trust = tmp_path / "ca.pem"
    trust.write_text("no certificate")
    more = {
        "trust": f'trust_file = "{trust}"',
        "link": '[links.x]\nsite = "depot"\npartner = "sim"\naccount = "jup"\nthings = ["1"]',
    }.get(break_it, "")
    contract = tmp_path / "missing.json" if break_it == "contract" else CONTRACT
    file = links_file(tmp_path, URL, more=more, contract=contract)
    if break_it == "secret":
        (tmp_path / "jpu.secret").chmod(0o644)
    if break_it == "no secret":
        (tmp_path / "jpu.secret").unlink()
    assert said in _problem(list(check_accounts(file))).sentence


def test_each_fault_of_a_map_is_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        '[thing]\nthing = "/iccid"\n[operations."things.read"]\noperation_id = "readTing"\n'
        '[operations."sms.send"]\noperation_id = "sendSms"\npath = { icid = "thing" }\nbody = { "/txt" = "text" }\n'
    )
    found = list(check_accounts(links_file(tmp_path, URL, operator_map=wrong)))
    assert {each.level for each in found} == {Level.PROBLEM}
    said = [each.sentence.partition(": ")[2] for each in found]
    assert said == [
        '[operations."things.read"]: operation_id: the contract has no operation of that name. Did you mean readThing?',
        '[operations."sms.send"]: path: POST /things/{iccid}/sms has no such parameter: icid. Did you mean iccid?',
        '[operations."sms.send"]: path: the contract requires the parameter iccid, and nothing goes there',
        '[operations."sms.send"]: body: the body of the contract has no /txt',
        '[operations."sms.send"]: body: the contract requires /text, and nothing goes there',
    ]


def test_a_file_without_accounts_has_no_such_line(tmp_path: Path) -> None:
    (tmp_path / "links.toml").write_text("")
    assert list(check_accounts(read_links_file(tmp_path / "links.toml", "127.0.0.1", 8444))) == []


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        (b'{"things": [{"iccid": "17", "state": "ACTIVE"}]}', Level.OK, "the operator answers. SIM 17 is ACTIVE"),
        (
            b'{"things": [{"iccid": "17", "state": "LOST"}]}',
            Level.WARNING,
            "'LOST', which the map does not",
        ),
        (b'{"things": []}', Level.WARNING, "the account has no SIM"),
        (b'{"sims": []}', Level.PROBLEM, "there is no list at '/things'"),
    ],
)
def test_an_operator_is_called_when_that_is_asked_for(tmp_path: Path, answer: bytes, level: Level, said: str) -> None:
    with RawPeer(answer=lambda request: http("200 OK", answer)) as peer:
        (found,) = call_accounts(links_file(tmp_path, peer.url))
        assert peer.asked() == [b"GET /things?page_size=200&page=1"]
    assert (found.name, found.level) == ("sim jpu call", level)
    assert said in found.sentence


def test_an_operator_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (found,) = call_accounts(links_file(tmp_path, "http://127.0.0.1:1"))
    assert (found.level, "no connection" in found.sentence) == (Level.PROBLEM, True)


def test_the_command_calls_only_with_its_option(tmp_path: Path) -> None:
    folder = make_installation(tmp_path)
    with RawPeer(answer=lambda request: http("200 OK", b'{"things": [{"iccid": "17", "state": "ACTIVE"}]}')) as peer:
        links_file(folder, peer.url)
        without = " ".join(ok(engage(folder, "link", "check")).split())
        assert peer.got == []
        called = " ".join(ok(engage(folder, "link", "check", "--call")).split())
    assert "26 operations can be used" in without
    assert "sim jpu call" not in without
    assert "SIM 17 is ACTIVE" in called


def _problem(found: list[Check]) -> Check:
    (one,) = [each for each in found if each.level is Level.PROBLEM]
    return one


@pytest.mark.parametrize("package", ["yaml", "jsonschema", "openapi_schema_validator"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, package: str) -> None:
    folder = make_installation(tmp_path)
    links_file(folder, URL)
    (done,) = run_without([package], [], folder, ("link", "check"))
    text = " ".join(done.out.split())
    assert done.status == 1
    assert f"needs {package}, which is not installed here" in text
    assert "pip install 'engage-server[sim] @ PATH_OR_URL_OF_THE_REPOSITORY'" in text
