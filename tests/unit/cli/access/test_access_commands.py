"""``engage people`` and ``engage token`` on an installation."""

import json
import socket
from pathlib import Path

import pytest

from tests.support.commands import engage
from tests.support.installation import make_installation
from tests.support.running import ok


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("people"))


def listed(folder: Path, what: str) -> list[dict[str, object]]:
    """What a list has, as JSON."""
    found: list[dict[str, object]] = json.loads(ok(engage(folder, what, "list", "--json")))
    return found


def test_a_person_from_the_link_to_the_removal(folder: Path) -> None:
    assert "there are no people yet" in ok(engage(folder, "people", "list"))
    added = ok(engage(folder, "people", "add", "Anna", "--role", "admin"))
    link = next(line.strip() for line in added.splitlines() if "http" in line)
    assert link.startswith("http://localhost:8008/sign-in/")
    assert len(link.rpartition("/")[2]) == 43
    alone = ok(engage(folder, "people", "reset", "anna", "--link")).strip()
    assert alone.startswith("http://localhost:8008/sign-in/")
    assert alone != link
    (person,) = listed(folder, "people")
    assert (person["person"], person["role"], person["sites"], person["state"]) == ("anna", "admin", None, "invited")
    ok(engage(folder, "people", "change", "anna", "--role", "viewer", "--site", "main"))
    assert listed(folder, "people")[0]["sites"] == ["main"]
    ok(engage(folder, "people", "lock", "anna"))
    assert listed(folder, "people")[0]["state"] == "locked"
    refused = engage(folder, "people", "remove", "anna")
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
    ok(engage(folder, "people", "remove", "anna", "--yes"))
    assert listed(folder, "people") == []
    log = ok(engage(folder, "audit", "show"))
    for action in ("person:added", "person:reset", "person:changed", "person:locked", "person:removed"):
        assert action in log
    assert link.rpartition("/")[2] not in log


def test_a_link_that_leads_nowhere_is_warned_of(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        there = engage(folder, "people", "add", "lea", "--role", "viewer", ENGAGE_OPERATORS_PORT=str(port))
    away = engage(folder, "people", "reset", "lea", ENGAGE_OPERATORS_PORT=str(port))
    alone = engage(folder, "people", "reset", "lea", "--link", ENGAGE_OPERATORS_PORT=str(port))
    ok(engage(folder, "people", "remove", "lea", "--yes"))
    assert f"localhost:{port}/sign-in/" in there.stdout
    assert f"nothing answers on port {port}" not in there.stderr
    assert f"warning: nothing answers on port {port}" in away.stderr
    assert "set operators_port" in away.stderr
    assert "warning" not in alone.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("people", "add", "anna"), 2),
        (("people", "add", "anna", "--role", "boss"), 2),
        (("people", "add", "a b", "--role", "viewer"), 2),
        (("people", "add", "anna", "--role", "viewer", "--site", "nowhere"), 2),
        (("people", "reset", "nobody"), 2),
        (("people", "lock", "nobody"), 2),
        (("token", "add", "ci", "--role", "viewer", "--days", "367"), 2),
        (("token", "add", "ci", "--role", "viewer", "--site", "nowhere"), 2),
        (("token", "revoke", "nobody"), 2),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, arguments: tuple[str, ...], status: int) -> None:
    done = engage(folder, *arguments)
    assert done.returncode == status
    assert "next: " in done.stderr or "Usage" in done.stderr


def test_a_token_is_shown_once(folder: Path) -> None:
    assert "there is no token" in ok(engage(folder, "token", "list"))
    made = engage(folder, "token", "add", "ci", "--role", "operator", "--site", "main", "--days", "30")
    assert made.returncode == 0
    token = made.stdout.strip()
    assert token.startswith("engage_")
    assert made.stdout.count("\n") == 1, "alone on standard output"
    assert token not in made.stderr
    shown = ok(engage(folder, "token", "list"))
    assert token.split("_")[2] not in shown
    (found,) = listed(folder, "token")
    assert (found["token"], found["role"], found["sites"], found["revoked_at"]) == ("ci", "operator", ["main"], None)
    assert token.split("_")[1] == found["number"]
    ok(engage(folder, "token", "revoke", "ci"))
    assert "revoked" in ok(engage(folder, "token", "list"))
    assert token.split("_")[2] not in ok(engage(folder, "audit", "show"))
    assert engage(folder, "token", "revoke", "ci").returncode == 2


def test_a_person_is_connected_with_a_provider(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = make_installation(tmp_path_factory.mktemp("openid"))
    ok(engage(folder, "people", "add", "anna", "--role", "viewer"))
    assert "no OpenID provider is set" in engage(folder, "people", "openid", "anna", "--subject", "1").stderr
    with (folder / "engage.toml").open("a") as file:
        file.write('\noidc_issuer = "https://sso.example.org"\noidc_client_id = "engage"\n')
    ok(engage(folder, "people", "openid", "anna", "--subject", "1"))
    assert listed(folder, "people")[0]["openid_subject"] == "https://sso.example.org 1"
    taken = engage(folder, "people", "add", "bert", "--role", "viewer", "--openid", "1")
    assert (taken.returncode, "'anna' has that OpenID subject already" in taken.stderr) == (2, True)
    for arguments in ((), ("--subject", "1", "--none")):
        assert engage(folder, "people", "openid", "anna", *arguments).returncode == 2
    ok(engage(folder, "people", "openid", "anna", "--none"))
    assert listed(folder, "people")[0]["openid_subject"] is None
    for command in (
        ("lock", "anna"),
        ("change", "anna", "--role", "admin"),
        ("reset", "anna"),
        ("remove", "anna", "--yes"),
    ):
        assert "warning: no admin has a password now" in engage(folder, "people", *command).stderr, command


def test_serve_says_what_is_wrong_with_the_provider(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = make_installation(tmp_path_factory.mktemp("wrong"))
    with (folder / "engage.toml").open("a") as file:
        file.write('\noidc_issuer = "https://sso.example.org"\n')
    for command in (("serve",), ("serve", "operators")):
        refused = engage(
            folder, *command, ENGAGE_HTTP_PORT="21901", ENGAGE_HTTPS_PORT="21902", ENGAGE_OPERATORS_PORT="21903"
        )
        assert (refused.returncode, "oidc_client_id is not" in refused.stderr) == (2, True), refused.stderr
