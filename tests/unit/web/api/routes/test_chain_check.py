"""The check of a chain by the API."""

from pathlib import Path
from typing import get_args
from unittest.mock import patch

import pytest
from pydantic import TypeAdapter

from engage_server.as_json.chain_check import ChainCheckJson
from engage_server.checks import PROFILES
from engage_server.records import Role
from engage_server.web.api.routes import chain_check
from tests.support.api import Api, Caller, problem
from tests.support.world import World


@pytest.fixture
def folder(world: World) -> Path:
    """A folder with another good chain for the site."""
    return world.chain_folder()


def _pem(folder: Path) -> str:
    return (folder / "partner_server.pem").read_text() + (folder / "partner_CA.pem").read_text()


def _codes(system: Caller, body: object) -> set[str]:
    answer = system.send("POST", "/chain-check", body)
    assert answer.status_code == 200, answer.text
    TypeAdapter(ChainCheckJson).validate_python(answer.json)
    (target,) = answer.json["targets"]  # type: ignore[index]  # it is there
    return {each["code"] for each in target["findings"] if each["severity"] == "error"}


def test_a_good_chain_and_its_faults(api: Api, folder: Path) -> None:
    system = api.system(Role.VIEWER)
    pem = _pem(folder)
    assert _codes(system, {"pem": pem}) == set()
    assert _codes(system, {"pem": pem, "site": "main"}) == set()
    assert _codes(system, {"pem": pem, "hosts": ["other.example.org"]}) == {"san.host_missing"}
    assert "validity.expired" in _codes(system, {"pem": pem, "at": "2090-01-01T00:00:00Z"})
    other = (folder / "partner_CA.pem").read_text()
    assert _codes(system, {"pem": (folder / "partner_server.pem").read_text(), "anchor": other}) == set()


def test_it_writes_nothing(api: Api, world: World, folder: Path) -> None:
    system = api.system(Role.VIEWER)
    head = world.store.audit_head()
    _codes(system, {"pem": _pem(folder), "site": "main", "profile": "nde", "warn_days": 0})
    assert world.store.audit_head() == head


def test_the_hosts_of_a_site_are_for_those_who_see_it(api: Api, folder: Path) -> None:
    system = api.system(Role.VIEWER, ("north",))
    body = {"pem": _pem(folder)}
    assert _codes(system, body) == set()
    assert problem(system.send("POST", "/chain-check", {**body, "site": "main"})) == (403, "access.site")
    unknown = api.system().send("POST", "/chain-check", {**body, "site": "north"})
    assert problem(unknown) == (404, "site.not_found")


def test_a_key_is_refused_and_not_repeated(api: Api, folder: Path) -> None:
    key = (folder / "partner_server.key").read_text()
    refused = api.system().send("POST", "/chain-check", {"pem": _pem(folder) + key})
    assert problem(refused) == (422, "private_key.sent")
    assert key.splitlines()[1] not in refused.text


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"site": "main", "hosts": ["a.example.org"]}, ""),
        ({"site": "MAIN"}, "/site"),
        ({"hosts": ["not a host"]}, "/hosts/0"),
        ({"profile": "door"}, "/profile"),
        ({"at": 1}, "/at"),
        ({"at": "tomorrow"}, "/at"),
        ({"warn_days": -1}, "/warn_days"),
        ({"warn_days": "30"}, "/warn_days"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"pem": "x" * 100_001}, "/pem"),
    ],
)
def test_other_bodies_are_refused(api: Api, folder: Path, more: dict[str, object], pointer: str) -> None:
    refused = api.system().send("POST", "/chain-check", {"pem": _pem(folder), **more})
    assert problem(refused) == (422, "request.invalid")
    assert refused.json is not None
    assert refused.json["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("field", ["pem", "anchor"])
def test_what_is_no_certificate_is_refused(api: Api, folder: Path, field: str) -> None:
    body = {"pem": _pem(folder), field: "hello"}
    assert problem(api.system().send("POST", "/chain-check", body)) == (422, "certificate.invalid")


def test_while_another_is_checked_it_waits_a_little(api: Api, folder: Path) -> None:
    system = api.system()
    with chain_check._one_at_a_time, patch.object(chain_check, "_LONGEST_WAIT_SECONDS", 0.01):
        busy = system.send("POST", "/chain-check", {"pem": _pem(folder)})
    assert problem(busy) == (503, "server.busy")
    assert busy.headers["Retry-After"]
    assert _codes(system, {"pem": _pem(folder)}) == set(), "its turn was given back"


def test_all_profiles_have_a_name() -> None:
    assert set(get_args(chain_check.Profile)) == set(PROFILES)


def test_strangers_check_nothing(api: Api, folder: Path) -> None:
    assert problem(api.nobody().send("POST", "/chain-check", {"pem": _pem(folder)})) == (401, "token.missing")
