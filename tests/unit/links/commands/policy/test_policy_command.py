"""``engage link policy`` on an installation."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.running import ok
from tests.support.sim.stateful import StatefulOperator, sim_tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose doors call one address."""
    folder = make_installation(tmp_path_factory.mktemp("policy"))
    ok(engage(folder, "site", "change", "main", "--host", "10.0.0.1"))
    return folder


def printed(folder: Path, *options: str) -> dict[str, object]:
    return dict(json.loads(ok(engage(folder, "link", "policy", "--format", "json", *options))))


def test_it_needs_no_links_toml_and_says_what_doors_need(folder: Path) -> None:
    assert not (folder / "links.toml").exists()
    shown = ok(engage(folder, "link", "policy"))
    assert "out  allow  tcp port 443" in shown
    assert "in   drop   everything" in shown
    rules = printed(folder)["rules"]
    assert isinstance(rules, list)
    assert [(rule["ports"], rule["addresses"]) for rule in rules] == [
        (["80"], ["10.0.0.1/32"]),
        (["443"], ["10.0.0.1/32"]),
    ]


def test_ports_are_those_that_doors_see(folder: Path) -> None:
    def ports(**more: Any) -> list[str]:
        options = ("link", "policy", "--format", "json")
        found = ok(engage(folder, *options, ENGAGE_HTTP_PORT="8080", ENGAGE_HTTPS_PORT="8443", **more))
        return [rule["ports"][0] for rule in json.loads(found)["rules"]]

    assert ports() == ["8080", "8443"]
    assert ports(ENGAGE_PUBLIC_HTTP_PORT="80") == ["80", "443"]


def test_its_own_rules_differ_in_nothing(folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(printed(folder)))
    assert "exactly what site main needs" in ok(engage(folder, "link", "policy", "--against", profile))
    assert json.loads(ok(engage(folder, "link", "policy", "--against", profile, "--format", "json")))["fine"]


def test_an_empty_profile_allows_everything_and_is_a_finding(folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"rules": []}')
    found = engage(folder, "link", "policy", "--against", profile)
    assert found.returncode == 1
    assert "everything is allowed, in and out" in " ".join(found.stdout.split())


def test_a_profile_is_read_from_the_operator(folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "links.toml"
    with StatefulOperator() as operator:
        rule = {"direction": "OUT", "action": "ALLOW", "protocol": "TCP", "destination": "10.0.0.1", "port": 443}
        operator.profiles["fw-1"] = {"id": "fw-1", "rules": [{"id": "r1", **rule}]}
        links.write_text(sim_tables(tmp_path, operator.url, "8931440000000000001"))
        options = ("--profile", "fw-1", "--account", "jpu", "--format", "json")
        found = engage(folder, "link", "policy", *options, ENGAGE_LINKS_FILE=str(links))
    assert found.returncode == 1
    sentences = [each["sentence"] for each in json.loads(found.stdout)["differences"]]
    assert sentences == ["whatever no rule names is allowed out", "whatever no rule names is allowed in"]


def test_a_profile_that_is_missing_is_answered_with_those_that_there_are(folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "links.toml"
    with StatefulOperator() as operator:
        operator.profiles = {name: {"id": name, "rules": []} for name in ("fw-1", "fw-2")}
        links.write_text(sim_tables(tmp_path, operator.url, "8931440000000000001"))
        found = engage(folder, "link", "policy", "--profile", "fw-9", "--account", "jpu", ENGAGE_LINKS_FILE=str(links))
        no_account = engage(folder, "link", "policy", "--profile", "fw-1", ENGAGE_LINKS_FILE=str(links))
    assert found.returncode == 2
    assert "It has fw-1, fw-2." in " ".join(found.stderr.split())
    assert "links.toml has jpu" in " ".join(no_account.stderr.split())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--profile", "fw-1"), "--profile needs --account"),
        (("--account", "jpu"), "there is no --profile"),
        (("--profile", "fw-1", "--account", "jpu", "--against", "engage.toml"), "--against and --profile"),
        (("--resolver", "abc"), "'abc' is not the address of a DNS server. Give one such as 10.44.0.1"),
        (("--resolver", "10.44.0.300"), "is not the address of a DNS server"),
        (("--against", "missing.json"), "missing.json"),
        (("--against", "engage.toml"), "is no JSON"),
        (("--format", "nftables", "--door-interface", "a b"), "no name of an interface"),
        (("--site", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(folder: Path, options: tuple[str, ...], why: str) -> None:
    found = engage(folder, "link", "policy", *options)
    assert found.returncode in (2, 3)
    assert why in found.stderr
    assert "Traceback" not in found.stderr


def test_a_name_that_nobody_knows_cannot_be_resolved(folder: Path, tmp_path: Path) -> None:
    other = make_installation(tmp_path)
    ok(engage(other, "site", "change", "main", "--host", "locks.invalid"))
    assert "locks.invalid" in ok(engage(other, "link", "policy"))
    refused = engage(other, "link", "policy", "--resolve")
    assert refused.returncode == 3
    assert "the address of locks.invalid was not found" in refused.stderr
