"""Releases by the API: staged, activated, rolled back, retired, dropped."""

import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engage_server.checks.explained.contents import CONTENTS
from engage_server.errors import NotPossible
from engage_server.records import Role, Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.releases.lifecycle import chain_of
from engage_server.serving.opening.opener import ChainOpener
from engage_server.web.api.problem_codes import OF_CHAINS, PROBLEM_CODES
from tests.support.api import Api, problem, sent_chain
from tests.support.containers import BUILT, KEY, PASSPHRASE, dear, pfx
from tests.support.world import World


def test_a_chain_is_staged_and_activated(api: Api, world: World) -> None:
    system = api.system()
    staged = system.create("/sites/main/releases", {**sent_chain(world.chain_folder()), "reason": "pipeline 812"})
    assert staged.status_code == 201, staged.text
    assert staged.headers["Location"] == "/api/v1/sites/main/releases/2"
    shown = system.get("/sites/main/releases/2")
    assert staged.json == shown.json
    body = {"reason": "pipeline 812", "accept_failing_doors": True}
    active = system.change("POST", "/sites/main/releases/2/activate", body, shown)
    assert active.status_code == 200, active.text
    assert world.releases.current("main") == 2
    newest = world.store.audit_entry(world.store.audit_head().number)
    assert newest is not None
    assert newest.event.reason == "pipeline 812"
    assert newest.event.actor == "token system1"
    again = system.change("POST", "/sites/main/releases/1/activate", body, shown)
    assert problem(again) == (412, "precondition.failed")


def test_the_same_request_stages_once(api: Api, world: World) -> None:
    system, body = api.system(), sent_chain(world.chain_folder())
    first, second = (system.create("/sites/main/releases", body, "key-of-812") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(world.store.releases("main")) == 2
    other = system.create("/sites/main/releases", {**body, "reason": "other"}, "key-of-812")
    assert problem(other) == (422, "idempotency.other_body")
    stranger = api.system().create("/sites/main/releases", body, "key-of-812")
    assert problem(stranger) == (409, "release.exists")
    assert (stranger.json or {})["release"] == 2


def test_a_viewer_may_not(api: Api, world: World) -> None:
    refused = api.system(Role.VIEWER).create("/sites/main/releases", sent_chain(world.chain_folder()))
    assert problem(refused) == (403, "access.role")


_BEGIN, _END = "-----BEGIN {}-----\n", "\n-----END {}-----\n"


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (" \n", "content.empty"),
        (_BEGIN.format("CERTIFICATE") + "...", "content.cut_off"),
        ("<!DOCTYPE html><html></html>", "content.web_page"),
        (_BEGIN.format("X509 CRL") + "AAAA" + _END.format("X509 CRL"), "content.revocation_list"),
        ("none", "content.no_certificate"),
    ],
)
def test_what_is_no_chain_is_a_body_that_cannot_be_processed(api: Api, pem: str, code: str) -> None:
    """400 would say that it is no JSON."""
    assert problem(api.system().create("/sites/main/releases", {"pem": pem})) == (422, code)


def test_each_way_to_be_no_chain_is_known() -> None:
    """A new kind of content must not become 400, which the document would not say."""
    readable = {"content.utf16", "content.pem_lines"}
    assert {each.code for each in CONTENTS if each.code.startswith("content.")} - readable <= set(OF_CHAINS)
    assert {PROBLEM_CODES[code][0] for code in OF_CHAINS} == {422}


@pytest.mark.parametrize(
    ("overrides", "code"),
    [({"chain.too_long": "only these"}, "override.unknown"), ({"chain.too_long": "  "}, "override.no_reason")],
)
def test_an_override_that_fits_nothing_is_a_problem_of_its_own(
    api: Api, world: World, overrides: dict[str, str], code: str
) -> None:
    system = api.system()
    for act in ("1/activate", "rollback"):
        world.release()
        refused = system.change("POST", f"/sites/main/releases/{act}", {"overrides": overrides}, "*")
        assert problem(refused) == (422, code)
        assert "--override" not in refused.text


def test_one_chain_at_a_time(api: Api, world: World) -> None:
    both = "".join(sent_chain(world.chain_folder())["pem"] for _ in range(2))
    assert problem(api.system().create("/sites/main/releases", {"pem": both}))[0] == 422


def _container(content: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(content).decode(), "passphrase": PASSPHRASE.decode()}


def test_a_container_is_opened_apart_and_staged(api: Api, world: World) -> None:
    """By the real program, as the listener does it."""
    api.open_sent = ChainOpener(os.environ)
    staged = api.system().create("/sites/main/releases", _container(pfx(PASSPHRASE)))
    assert staged.status_code == 201, staged.text
    assert chain_of(world.releases.one("main", 2)) == BUILT.chain
    sealed = world.store.private_key("main", 2).reveal()
    assert sealed == KEY


def test_a_container_that_takes_hours_is_refused(api: Api, world: World, tmp_path: Path) -> None:
    """And others are answered meanwhile."""
    program = "from engage_server.serving.opening import apart, limits; limits.CPU_SECONDS = 1; apart.main()"
    api.open_sent = ChainOpener(os.environ, (sys.executable, "-c", program))
    system, other, answered = api.system(), api.system(), 0
    with ThreadPoolExecutor(1) as pool:
        staging = pool.submit(system.create, "/sites/main/releases", _container(dear(8_000_000, tmp_path)))
        while not staging.done():
            assert other.get("/sites/main/releases").status_code == 200
            answered += 1
    assert problem(staging.result()) == (422, "content.too_dear")
    assert answered > 3
    assert len(world.store.releases("main")) == 1


def test_too_many_at_once_are_told_to_come_again(api: Api) -> None:
    def full(content: bytes, passphrase: Secret | None) -> ChainMaterial:
        raise NotPossible("other chains are being opened", "Send it again later.", code="server.busy")

    api.open_sent = full
    for path, body in (("releases", _container(b"0")), ("rotations", {"chains": {"next": _container(b"0")}})):
        refused = api.system().create(f"/sites/main/{path}", body)
        assert problem(refused) == (503, "server.busy")
        assert refused.headers["Retry-After"]
