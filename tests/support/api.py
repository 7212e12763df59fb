"""The API on a world's store, without a server: Flask's own client, with a token for each role."""

import json
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from pydantic import TypeAdapter
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from engage_server.composition.operator_side import OperatorSide
from engage_server.errors import StoreNotUsable
from engage_server.records import Actor, ActorKind, Grant, Role, Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.sent.reading import OpenSent, open_here
from engage_server.settings import load_settings
from engage_server.web.api.blueprint import blueprint
from engage_server.web.api.document.operations import codes_of
from engage_server.web.api.routes.table import ROUTES
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.surroundings import Surroundings
from tests.support.chains import NOW
from tests.support.operators import operators_app
from tests.support.passwords import quick_passwords
from tests.support.world import World

MAKER = Actor("tester", ActorKind.COMMAND_LINE)


class Caller:
    """A system with a token, or a person with a session."""

    def __init__(self, client: FlaskClient, fields: dict[str, str]) -> None:
        self._client = client
        self._fields = fields

    def send(self, method: str, path: str, body: Any = None, **fields: str) -> TestResponse:
        """Send a request to a path below ``/api/v1``. Underscores in the names of fields become hyphens."""
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            given.setdefault("Content-Type", "application/json")
        answer = self._client.open(f"/api/v1{path}", method=method, data=data, headers={**self._fields, **given})
        assert_as_documented(self._client, method, path, answer)
        return answer

    def json(self, path: str) -> Any:
        """Read something that is there, as JSON."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def get(self, path: str, **fields: str) -> TestResponse:
        """Read something."""
        return self.send("GET", path, **fields)

    def create(self, path: str, body: Any, key: str = "", **fields: str) -> TestResponse:
        """Ask for something that must happen once."""
        return self.send("POST", path, body, Idempotency_Key=key or str(uuid.uuid4()), **fields)

    def change(self, method: str, path: str, body: Any, seen: TestResponse | str) -> TestResponse:
        """Change what was seen: the answer that showed it, or an If-Match field."""
        tag = seen if isinstance(seen, str) else seen.headers["ETag"]
        return self.send(method, path, body, If_Match=tag)


class Api:
    """The API, with a clock that is set by hand.

    Attributes:
        now: What the clock says.
        is_away: Whether the database is.
        open_sent: Opens chains: here, which costs less than in a separate process.
    """

    def __init__(self, world: World) -> None:
        self.side = OperatorSide(world.store, load_settings(None, {}, {}, world.folder))
        vars(self.side.access)["_passwords"] = quick_passwords()
        self.now, self.is_away = NOW, False
        self.open_sent: OpenSent = open_here
        self._world, self._made = world, 0
        self.app = operators_app(
            [
                blueprint(
                    Surroundings(
                        self._services, lambda: self.now, lambda: None, SessionCookie(secure=False), self._open_sent
                    )
                )
            ]
        )

    def token(self, role: Role, sites: tuple[str, ...] | None = None) -> str:
        """A token with this role, at all sites or at some."""
        self._made += 1
        grant = Grant(role, None if sites is None else frozenset(sites))
        return self.side.access.tokens.add(f"system{self._made}", grant, 90, MAKER, self._world.occasion)

    def system(self, role: Role = Role.OPERATOR, sites: tuple[str, ...] | None = None) -> Caller:
        """A system with a token."""
        return Caller(self.app.test_client(), {"Authorization": f"Bearer {self.token(role, sites)}"})

    def person(self, name: str, role: Role, sites: tuple[str, ...] | None = None) -> Caller:
        """A person who has signed in, in a browser."""
        grant = Grant(role, None if sites is None else frozenset(sites))
        secret = self.side.access.people.add(name, grant, self._world.occasion)
        person = self.side.access.people.set_password(secret, "correct horse battery", self.now)
        signed_in = self.side.access.sign_ins.begin(person, "127.0.0.1", self.now, "link")
        client = self.app.test_client()
        client.set_cookie("engage", signed_in.secret)
        return Caller(client, {"Sec-Fetch-Site": "same-origin"})

    def nobody(self) -> Caller:
        """A caller with neither."""
        return Caller(self.app.test_client(), {})

    def _open_sent(self, content: bytes, passphrase: Secret | None) -> ChainMaterial:
        return self.open_sent(content, passphrase)

    def _services(self) -> OperatorSide:
        if self.is_away:
            raise StoreNotUsable("the database does not answer", "Wait.")
        return self.side


def assert_as_documented(client: FlaskClient, method: str, path: str, answer: TestResponse) -> None:
    """What a route answers is what the table says of it: its shape, its ETag, and the codes of its problems."""
    try:
        endpoint, _ = client.application.url_map.bind("localhost").match(f"/api/v1{path.partition('?')[0]}", method)
    except HTTPException:
        return
    route = next(each for each in ROUTES if f"api.{each.name}" == endpoint)
    if answer.status_code >= 400:
        assert problem(answer)[1] in codes_of(route), f"{route.name} gives a problem that it does not announce"
        return
    if answer.status_code == 304:
        return
    assert answer.status_code == route.status, route.name
    assert ("ETag" in answer.headers) is route.has_etag, route.name
    if route.answer is None:
        assert not answer.data, route.name
    elif method != "HEAD":
        _adapter(route.name).validate_json(answer.data)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(next(route.answer for route in ROUTES if route.name == name))


def problem(answer: TestResponse) -> tuple[int, str]:
    """The status and the code of a problem, which has its form."""
    said = answer.json
    assert answer.content_type == "application/problem+json", answer.text
    assert said is not None
    assert set(said) >= {"type", "title", "status", "detail", "code", "next_step"}
    assert said["status"] == answer.status_code
    assert said["next_step"]
    return answer.status_code, said["code"]


def sent_chain(folder: Path) -> dict[str, str]:
    """The body that stages the chain of a folder."""
    names = ("partner_server.pem", "partner_CA.pem", "partner_server.key")
    return {"pem": "".join((folder / name).read_text() for name in names)}
