"""Secrets are in no answer, by no role, in no log: looked for in everything that the API says.

Among these are rows for what was found in another certificate manager: private keys in answers, roles that could do
more than look, tokens that said themselves how they are checked, and certificates that made the server call out.
"""

import base64
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engage_server.records import Role
from engage_server.web.api.routes.table import ROUTES
from tests.support.api import Api, Caller, problem, sent_chain
from tests.support.api_requests import conditions_of, path_of
from tests.support.canaries import forms_of, lines_of
from tests.support.chains import SITE_KEY
from tests.support.databases import INSTALLATION_KEY, SEALER
from tests.support.world import World

PASSPHRASE = "the passphrase of a canary"


class Canaries:
    """What must be nowhere, and everything that was said."""

    def __init__(self) -> None:
        keys = (SITE_KEY.reveal(), bytes(32), INSTALLATION_KEY.reveal(), SEALER.release_key.reveal())
        self.secrets: set[str] = {PASSPHRASE, "PRIVATE KEY"}.union(*map(forms_of, keys))
        self.said: list[str] = []

    def hear(self, caller: Caller, method: str, path: str, body: object = None, **fields: str) -> int:
        """Send a request, and keep the whole answer."""
        answer = caller.send(method, path, body, **fields)
        self.said.append(f"{answer.status} {answer.headers} {answer.text}")
        return answer.status_code

    def found(self, *more: str) -> set[str]:
        """The secrets that were said."""
        everything = "\n".join([*self.said, *more])
        return {secret for secret in self.secrets if secret in everything}


@pytest.fixture
def canaries(world: World) -> Iterator[Canaries]:
    made = Canaries()
    for key in world.folder.rglob("*.key"):
        made.secrets |= lines_of(key.read_text())
    yield made


def encrypted(folder: Path) -> dict[str, str]:
    """A chain whose key has a passphrase."""
    key = load_pem_private_key((folder / "partner_server.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode()))
    names = ("partner_server.pem", "partner_CA.pem")
    return {"pem": "".join((folder / name).read_text() for name in names) + locked.decode()}


def test_no_answer_of_any_route_to_any_role_holds_a_secret(
    api: Api, world: World, canaries: Canaries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.release(activate=False)
    tokens = [api.token(role) for role in Role]
    canaries.secrets |= {part for token in tokens for part in (token, token.split("_")[2])}
    heard = 0
    for token, role in zip(tokens, Role, strict=True):
        caller = Caller(api.app.test_client(), {"Authorization": f"Bearer {token}"})
        for route in ROUTES:
            fields = conditions_of(route, f"key-of-{role.value}")
            body = None if route.body is None else route.body_example or {}
            path = path_of(route) if role is not Role.OPERATOR else path_of(route, number="2")
            heard += canaries.hear(caller, route.method, path, body, **fields) < 400
    assert heard > len(ROUTES), "the control: much of it was carried out"
    assert canaries.found(caplog.text, repr(list(caplog.records))) == set()
    assert canaries.secrets - {PASSPHRASE, "PRIVATE KEY"}, "the control: there is something to find"


def test_what_was_sent_is_told_to_nobody(
    api: Api, world: World, canaries: Canaries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    system, releases = api.system(Role.ADMIN), "/sites/main/releases"
    folder = world.chain_folder()
    for file in folder.glob("*.key"):
        canaries.secrets |= lines_of(file.read_text())
    body, wrong = encrypted(folder), {"passphrase": PASSPHRASE + "!"}
    canaries.secrets |= lines_of(body["pem"])
    key = {"Idempotency_Key": "one-key-for-all"}
    refused = (
        body,
        {**body, **wrong},
        {**body, "passphrase": 1},
        {**body, "passphrase": PASSPHRASE, "more": PASSPHRASE},
        {**body, PASSPHRASE: 1},
        {"pem": [body["pem"]]},
        {"pem": body["pem"].replace("BEGIN CERTIFICATE", "BEGIN NOTHING")},
        {"base64": body["pem"]},
        {"base64": base64.b64encode(body["pem"].encode()).decode(), "passphrase": PASSPHRASE + "!"},
        json.dumps(body).encode()[:-9],
    )
    for each in refused:
        assert canaries.hear(system, "POST", releases, each, **key) >= 400
    assert canaries.hear(system, "POST", releases, {**body, "passphrase": PASSPHRASE}, **key) == 201
    assert canaries.hear(system, "POST", releases, {**body, "passphrase": PASSPHRASE}, **key) == 201
    assert canaries.hear(system, "GET", f"{releases}/2") == 200
    kept = repr([world.store.audit_entry(number + 1) for number in range(world.store.audit_head().number)])
    kept += repr(world.store.releases("main"))
    # a field's name is the sender's own choice: the problem repeats it so that the sender can find it
    canaries.said = [each.replace(f"/{PASSPHRASE}", "").replace(f'"{PASSPHRASE}', "") for each in canaries.said]
    assert canaries.found(caplog.text, kept) == set()


def test_nothing_of_a_request_shows_its_secrets(world: World) -> None:
    from engage_server.web.api.routes.releases import ChainToStage

    body = ChainToStage.model_validate({**encrypted(world.chain_folder()), "passphrase": PASSPHRASE})
    assert PASSPHRASE not in f"{body} {body!r} {body.model_dump()} {body.model_dump_json()}"
    assert "PRIVATE KEY" not in f"{body} {body!r} {body.model_dump()} {body.model_dump_json()}"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_a_token_does_not_say_how_it_is_checked(api: Api, algorithm: str) -> None:
    head, claims = ({"alg": algorithm, "typ": "JWT"}, {"sub": "admin", "role": "admin", "exp": 9999999999})
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (head, claims)]
    refused = api.nobody().get("/sites", Authorization=f"Bearer {'.'.join([*parts, ''])}")
    assert problem(refused) == (401, "token.malformed")


def test_what_is_sent_makes_the_server_call_nobody(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in a certificate, such as of a revocation list, are read and never called."""
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: called.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **_: called.append(names))
    system = api.system(Role.ADMIN)
    staged = system.create("/sites/main/releases", sent_chain(world.chain_folder()))
    assert staged.status_code == 201
    hosts = {"hosts": ["169.254.169.254", "internal.example.org"], "reason": "x"}
    assert system.send("PATCH", "/sites/main", hosts, If_Match="*").status_code < 500
    assert called == []
