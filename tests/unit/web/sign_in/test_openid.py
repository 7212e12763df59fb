"""Signing in at an OpenID provider: the trip there and back, and every token that must not open the door."""

import base64
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from engage_server.records import Actor, ActorKind, Grant, Occasion, PersonState, Role, Secret
from engage_server.services.access.openid.bounded_requests import Turns
from engage_server.services.access.openid.provider import Provider
from engage_server.services.access.openid.sign_in import OpenIdSignIn
from engage_server.services.access.openid.terms import OpenIdTerms
from engage_server.services.access.people import People
from engage_server.services.access.sign_ins import SignIns
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from engage_server.web.sign_in.openid import OpenIdDoor
from engage_server.web.sign_in.routes import blueprint
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, Claims, OwnProvider, silent_provider
from tests.support.operators import operators_app
from tests.support.passwords import quick_passwords
from tests.support.stored import audit_events

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
GROUPS = {
    "doors": Grant(Role.OPERATOR, frozenset({"depot"})),
    "more doors": Grant(Role.OPERATOR, frozenset({"plant"})),
    "readers": Grant(Role.VIEWER),
    "chiefs": Grant(Role.ADMIN),
}
Header = dict[str, Any]


class Door:
    """The pages on a store and a provider, with a clock that is set by hand."""

    def __init__(self, store: SqlStore, issuer: str, turns: Turns | None = None) -> None:
        passwords = quick_passwords()
        self.store = store
        self.people, self.sign_ins = People(store, passwords), SignIns(store, passwords)
        self.now = NOW
        self.clock = 1000.0
        terms = OpenIdTerms(
            issuer, CLIENT_ID, Secret(CLIENT_SECRET.encode()), ("openid", "profile"), "http://localhost", GROUPS
        )
        openid = OpenIdSignIn(terms, Provider(terms, lambda: self.clock, turns), store)
        pages = blueprint(
            lambda: self, lambda: self.now, secure=False, openid=OpenIdDoor(lambda: openid, "http://localhost")
        )
        self._app = operators_app([pages])

    def browser(self) -> FlaskClient:
        """A new one, without cookies."""
        client = self._app.test_client()
        client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
        return client

    def visitor(self, browser: FlaskClient) -> Actor | None:
        """Who has signed in there."""
        cookie = browser.get_cookie("engage")
        return self.sign_ins.actor(cookie.value, self.now) if cookie else None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    yield store
    store.close()


@pytest.fixture
def provider() -> Iterator[OwnProvider]:
    with OwnProvider(NOW.timestamp) as provider:
        yield provider


@pytest.fixture
def door(store: SqlStore, provider: OwnProvider) -> Door:
    return Door(store, provider.issuer)


def leave(browser: FlaskClient) -> str:
    """The address at the provider to which a browser is sent."""
    answer = browser.get("/sign-in/openid")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def come_back(browser: FlaskClient, returned: dict[str, str]) -> TestResponse:
    return browser.get(f"/sign-in/openid/return?{urlencode(returned)}")


def travel(browser: FlaskClient, provider: OwnProvider) -> TestResponse:
    """The whole trip."""
    return come_back(browser, provider.authorize(leave(browser)))


def told(answer: TestResponse, caplog: pytest.LogCaptureFixture) -> str:
    """The code that the log has in its only line about this sign-in."""
    (line,) = [each.getMessage() for each in caplog.records if "sign-in by OpenID" in each.getMessage()]
    assert answer.status_code in (403, 429, 503)
    assert "Sign in" in answer.text, "a local admin can go on"
    return line.split(" failed: ")[1].split(":")[0]


class TestTrip:
    """Somebody who may come in."""

    def test_from_the_button_to_the_session(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        assert 'href="/sign-in/openid"' in browser.get("/sign-in").text
        answer = travel(browser, provider)
        assert answer.status_code == 200
        assert '<meta http-equiv="refresh" content="0; url=/">' in answer.text
        assert door.visitor(browser) == Actor("anna", ActorKind.PERSON, Grant(Role.OPERATOR, frozenset({"depot"})))
        person = door.people.person("anna")
        assert person.subject == f"{provider.issuer} 248289761001"
        assert (person.password_hash, person.state) == ("", PersonState.ACTIVE)
        assert browser.get_cookie("engage-openid") is None, "the trip is over"
        assert audit_events(door.store)[-1].facts["way"] == "openid"

    def test_the_way_there_holds_what_protects_it(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        first, second = leave(browser), leave(browser)
        asked, again = (parse_qs(urlsplit(each).query) for each in (first, second))
        assert first.startswith(f"{provider.issuer}/auth?")
        assert asked["redirect_uri"] == ["http://localhost/sign-in/openid/return"]
        assert asked["scope"] == ["openid profile"]
        for name in ("state", "nonce", "code_challenge"):
            assert len(asked[name][0]) == 43
            assert asked[name] != again[name]
        assert CLIENT_SECRET not in first
        assert "code_verifier" not in first

    def test_the_cookie_of_the_trip(self, door: Door) -> None:
        cookie = door.browser().get("/sign-in/openid").headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))

    def test_without_a_provider_there_is_no_button_and_no_address(self, door: Door) -> None:
        browser = operators_app([blueprint(lambda: door, lambda: NOW, secure=False)]).test_client()
        assert "openid" not in browser.get("/sign-in").text
        assert browser.get("/sign-in/openid").status_code == 410, "that would be a link's secret"
        assert browser.get("/sign-in/openid/return").status_code == 404

    def test_another_name_of_this_host_leads_to_ours_first(self, door: Door) -> None:
        answer = door.browser().get("/sign-in/openid", base_url="http://127.0.0.1")
        assert answer.headers["Location"] == "http://localhost/sign-in/openid?from=here"
        again = door.browser().get("/sign-in/openid?from=here", base_url="http://127.0.0.1")
        assert "/auth?" in again.headers["Location"], "no circle"

    @pytest.mark.parametrize("name", ["next", "url", "return_to", "redirect_uri", "from"])
    def test_no_parameter_leads_elsewhere(self, door: Door, provider: OwnProvider, name: str) -> None:
        for elsewhere in ("//evil.example", "https://evil.example/", "/\\evil.example"):
            browser = door.browser()
            asked = browser.get("/sign-in/openid", query_string={name: elsewhere})
            assert asked.headers["Location"].startswith(f"{provider.issuer}/auth?")
            assert "evil" not in asked.headers["Location"]
            returned = provider.authorize(asked.headers["Location"])
            answer = come_back(browser, returned | {name: elsewhere})
            assert answer.status_code == 200
            assert "evil" not in answer.text + str(answer.headers)
            local = browser.post(f"/sign-in?{urlencode({name: elsewhere})}", data={"name": "x", "password": "y"})
            assert "evil" not in local.text + str(local.headers)

    @pytest.mark.parametrize("path", ["/sites/main/doors?search=a%20b", "/audit-log"])
    def test_the_trip_ends_at_the_page_that_was_asked_for(self, door: Door, provider: OwnProvider, path: str) -> None:
        browser = door.browser()
        way = f"/sign-in/openid?{urlencode({'next': path})}"
        assert f'href="{way}"' in browser.get("/sign-in", query_string={"next": path}).text
        asked = browser.get(way)
        assert path not in asked.headers["Location"], "the provider does not learn it"
        answer = come_back(browser, provider.authorize(asked.headers["Location"]))
        assert f'<meta http-equiv="refresh" content="0; url={path}">' in answer.text

    def test_another_name_of_this_host_keeps_the_page(self, door: Door) -> None:
        answer = door.browser().get("/sign-in/openid?next=/check", base_url="http://127.0.0.1")
        assert answer.headers["Location"] == "http://localhost/sign-in/openid?from=here&next=%2Fcheck"
        again = door.browser().get("/sign-in/openid?from=here&next=%2Fcheck", base_url="http://127.0.0.1")
        assert "/auth?" in again.headers["Location"], "no circle"

    def test_who_changes_the_page_in_the_cookie_changes_the_state(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        asked = browser.get("/sign-in/openid?next=/check").headers["Location"]
        cookie = browser.get_cookie("engage-openid")
        assert cookie is not None
        forged = base64.urlsafe_b64encode(b"//evil.example").decode()
        browser.set_cookie("engage-openid", f"{cookie.value.rpartition('.')[0]}.{forged}")
        answer = come_back(browser, provider.authorize(asked))
        assert answer.status_code == 403
        assert "evil" not in answer.text

    def test_a_session_of_before_ends(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        travel(browser, provider)
        before = browser.get_cookie("engage")
        travel(browser, provider)
        after = browser.get_cookie("engage")
        assert before is not None
        assert after is not None
        assert door.sign_ins.actor(before.value, NOW) is None
        assert door.sign_ins.actor(after.value, NOW) is not None


def _with(**changes: object) -> Callable[[OwnProvider, Header, Claims], str]:
    """A genuine signature over other claims. None: without this claim."""

    def forge(provider: OwnProvider, header: Header, claims: Claims) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(header, changed, provider.key)

    return forge


def _unsigned(_provider: OwnProvider, _header: Header, claims: Claims) -> str:
    parts = (json.dumps(each).encode() for each in ({"alg": "none"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts), ""])


def _by_public_key(provider: OwnProvider, _header: Header, claims: Claims) -> str:
    """By hand: no library signs with that."""
    pem = provider.key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = (json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "first"}, claims))
    content = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)
    signature = hmac.digest(pem, content.encode(), "sha256")
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _as_if_by(kid: str) -> Callable[[OwnProvider, Header, Claims], str]:
    def forge(provider: OwnProvider, header: Header, claims: Claims) -> str:
        return jwt.encode(header | {"kid": kid}, claims, provider.key)

    return forge


def _with_its_own_key(_provider: OwnProvider, header: Header, claims: Claims) -> str:
    mine = RSAKey.generate_key(2048)
    return jwt.encode(header | {"jwk": mine.as_dict(private=False)}, claims, mine)


def _by_curve(_provider: OwnProvider, _header: Header, claims: Claims) -> str:
    return jwt.encode({"alg": "ES256", "kid": "first"}, claims, ECKey.generate_key("P-256"))


def _cut_off(provider: OwnProvider, header: Header, claims: Claims) -> str:
    return jwt.encode(header, claims, provider.key)[:-20]


def _halved(provider: OwnProvider, header: Header, claims: Claims) -> str:
    return jwt.encode(header, claims, provider.key).rpartition(".")[0]


def _changed(provider: OwnProvider, header: Header, claims: Claims) -> str:
    head, _, signature = jwt.encode(header, claims, provider.key).split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims | {"groups": ["chiefs"]}).encode()).rstrip(b"=").decode()
    return f"{head}.{payload}.{signature}"


AT = int(NOW.timestamp())
FORGED = {
    "alg none": (_unsigned, "openid.algorithm"),
    "HS256 with the public key": (_by_public_key, "openid.algorithm"),
    "another audience": (_with(aud="another"), "openid.audience"),
    "another issuer": (_with(iss="https://evil.example"), "openid.issuer"),
    "another nonce": (_with(nonce="x" * 43), "openid.nonce"),
    "no nonce": (_with(nonce=None), "openid.malformed"),
    "another party": (_with(azp="another"), "openid.party"),
    "two audiences": (_with(aud=[CLIENT_ID, "another"]), "openid.party"),
    "expired": (_with(exp=AT - 61), "openid.expired"),
    "no end": (_with(exp=None), "openid.malformed"),
    "not valid yet": (_with(nbf=AT + 61), "openid.not_yet"),
    "from the future": (_with(iat=AT + 61), "openid.not_yet"),
    "another key's name": (_as_if_by("second"), "openid.signature"),
    "an unknown key's name": (_as_if_by("third"), "openid.key"),
    "a key in its header": (_with_its_own_key, "openid.signature"),
    "another kind of key": (_by_curve, "openid.key"),
    "cut off": (_cut_off, "openid.signature"),
    "without signature": (_halved, "openid.malformed"),
    "a changed payload": (_changed, "openid.signature"),
    "no subject": (_with(sub=""), "openid.malformed"),
    "a subject that is a list": (_with(sub=["a"]), "openid.malformed"),
}
GOOD = {
    "our own party": _with(azp=CLIENT_ID),
    "two audiences, and we are the party": _with(aud=[CLIENT_ID, "another"], azp=CLIENT_ID),
    "one audience in a list": _with(aud=[CLIENT_ID]),
    "a clock that is 60 s behind": _with(iat=AT + 60, nbf=AT + 60),
    "a clock that is 59 s ahead": _with(exp=AT - 59),
}


class TestForgedTokens:
    """Each has one fault. Nobody comes in, and the log has one line without the token."""

    @pytest.mark.parametrize("fault", FORGED)
    def test_a_forged_token_opens_nothing(
        self, door: Door, provider: OwnProvider, fault: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        forge, code = FORGED[fault]
        made: list[str] = []

        def remembered(provider: OwnProvider, header: Header, claims: Claims) -> str:
            made.append(forge(provider, header, claims))
            return made[-1]

        provider.forge = remembered
        browser = door.browser()
        with caplog.at_level(logging.INFO):
            answer = travel(browser, provider)
        assert told(answer, caplog) == code
        assert made[0] not in caplog.text + answer.text
        assert made[0].split(".")[1] not in caplog.text
        assert door.visitor(browser) is None, "nobody is signed in"
        assert door.people.all() == []

    @pytest.mark.parametrize("kind", GOOD)
    def test_a_good_token_opens(self, door: Door, provider: OwnProvider, kind: str) -> None:
        """The negative control: what lies just within."""
        provider.forge = GOOD[kind]
        assert travel(door.browser(), provider).status_code == 200

    def test_a_new_key_is_fetched_once_it_is_used(self, door: Door, provider: OwnProvider) -> None:
        assert travel(door.browser(), provider).status_code == 200
        provider.key = RSAKey.generate_key(2048, {"kid": "third"})
        provider.published = [provider.key]
        provider.forge = _as_if_by("third")
        assert travel(door.browser(), provider).status_code == 403, "asked for less than a minute ago"
        door.clock += 61
        assert travel(door.browser(), provider).status_code == 200
        assert provider.requests.count("/jwks") == 2
        assert provider.requests.count("/.well-known/openid-configuration") == 2, "asked before somebody is sent there"


class TestReplay:
    """What is used twice, or by somebody else."""

    def test_a_state_works_once(self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture) -> None:
        browser = door.browser()
        address = leave(browser)
        cookie = browser.get_cookie("engage-openid")
        assert cookie is not None
        returned = provider.authorize(address)
        assert come_back(browser, returned).status_code == 200
        browser.set_cookie("engage-openid", cookie.value)
        again = provider.authorize(address)
        assert told(come_back(browser, again), caplog) == "openid.replayed"

    def test_a_state_of_another_browser(
        self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        mine, other = door.browser(), door.browser()
        returned = provider.authorize(leave(other))
        leave(mine)
        assert told(come_back(mine, returned), caplog) == "openid.state"
        assert "/token" not in provider.requests, "the code is not given to the provider"

    def test_a_browser_without_the_cookie(
        self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        returned = provider.authorize(leave(door.browser()))
        assert told(come_back(door.browser(), returned), caplog) == "openid.state"

    def test_a_code_that_was_used(self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture) -> None:
        browser = door.browser()
        used = provider.authorize(leave(browser))
        assert come_back(browser, used).status_code == 200
        returned = provider.authorize(leave(browser))
        assert told(come_back(browser, returned | {"code": used["code"]}), caplog) == "openid.code"
        assert used["code"] not in caplog.text

    @pytest.mark.parametrize("cookie", ["", ".", "x.1", "a" * 43 + ".1", "a" * 43 + ".99999999999", "a" * 4000])
    def test_a_cookie_that_is_none_of_ours(
        self, door: Door, provider: OwnProvider, cookie: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = door.browser()
        returned = provider.authorize(leave(browser))
        browser.set_cookie("engage-openid", cookie)
        assert told(come_back(browser, returned), caplog) == "openid.state"

    def test_a_trip_that_took_too_long(
        self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = door.browser()
        returned = provider.authorize(leave(browser))
        door.now += timedelta(minutes=10, seconds=2)
        assert told(come_back(browser, returned), caplog) == "openid.late"

    @pytest.mark.parametrize("named", ["https://evil.example", ""])
    def test_an_answer_of_another_provider(
        self, door: Door, provider: OwnProvider, named: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        browser = door.browser()
        returned = provider.authorize(leave(browser)) | {"iss": named}
        assert told(come_back(browser, returned), caplog) == "openid.issuer"

    def test_the_provider_says_no(self, door: Door, provider: OwnProvider, caplog: pytest.LogCaptureFixture) -> None:
        browser = door.browser()
        returned = provider.authorize(leave(browser))
        del returned["code"]
        answer = come_back(browser, returned | {"error": "access_denied", "error_description": "<b>no"})
        assert told(answer, caplog) == "openid.denied"
        assert "<b>no" not in answer.text

    def test_guessing_codes_is_slow(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        statuses = []
        for _ in range(7):
            returned = provider.authorize(leave(browser)) | {"code": "guessed"}
            statuses.append(come_back(browser, returned).status_code)
        assert statuses == [403] * 5 + [429] * 2
        assert provider.requests.count("/token") == 5


class TestPeople:
    """Who a subject is here."""

    def test_groups_decide_at_each_sign_in(self, door: Door, provider: OwnProvider) -> None:
        first, second = door.browser(), door.browser()
        provider.claims["groups"] = ["chiefs", "doors"]
        travel(first, provider)
        assert door.people.person("anna").grant == Grant(Role.ADMIN)
        provider.claims["groups"] = ["doors", "more doors", "readers", "unknown"]
        travel(second, provider)
        assert door.people.person("anna").grant == Grant(Role.OPERATOR, frozenset({"depot", "plant"}))
        assert door.visitor(first) is None, "the session with the greater role is over"
        assert door.visitor(second) is not None

    @pytest.mark.parametrize("groups", [[], ["unknown"], None, 7, [["doors"]], {"doors": True}, "unknown", ["DOORS"]])
    def test_without_a_group_nobody_comes_in(
        self, door: Door, provider: OwnProvider, groups: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = door.browser()
        travel(before, provider)
        provider.claims["groups"] = groups
        assert told(travel(door.browser(), provider), caplog) == "openid.no_group"
        assert door.visitor(before) is None, "and earlier sessions end"

    def test_somebody_who_is_locked(
        self, door: Door, provider: OwnProvider, occasion: Occasion, caplog: pytest.LogCaptureFixture
    ) -> None:
        travel(door.browser(), provider)
        door.people.lock("anna", occasion, may_be_last=True)
        assert told(travel(door.browser(), provider), caplog) == "openid.locked"
        door.people.reset("anna", occasion)
        assert travel(door.browser(), provider).status_code == 200

    @pytest.mark.parametrize(
        "claims", [{}, {"preferred_username": "Anna"}, {"preferred_username": "other", "email": "anna@example.org"}]
    )
    def test_the_name_of_a_local_person_is_not_taken(
        self, door: Door, provider: OwnProvider, occasion: Occasion, claims: Claims, caplog: pytest.LogCaptureFixture
    ) -> None:
        door.people.add("anna", Grant(Role.APPROVER), occasion)
        provider.claims |= claims
        assert told(travel(door.browser(), provider), caplog) == "openid.name_taken"
        assert door.people.person("anna").grant == Grant(Role.APPROVER)

    def test_a_connected_person_is_one_person(self, door: Door, provider: OwnProvider, occasion: Occasion) -> None:
        door.people.add("bert", Grant(Role.VIEWER), occasion)
        door.people.connect("bert", f"{provider.issuer} 248289761001", occasion)
        assert travel(door.browser(), provider).status_code == 200
        (person,) = door.people.all()
        assert (person.name, person.state, person.grant.role) == ("bert", PersonState.ACTIVE, Role.OPERATOR)

    def test_the_last_admin_with_a_password_is_never_made_less(
        self, door: Door, provider: OwnProvider, occasion: Occasion, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("anna", "bert"):
            secret = door.people.add(name, Grant(Role.ADMIN), occasion)
            door.people.set_password(secret, PASSWORD, occasion.now)
        door.people.connect("anna", f"{provider.issuer} 248289761001", occasion)
        door.people.lock("bert", occasion, may_be_last=True)
        assert told(travel(door.browser(), provider), caplog) == "openid.last_admin"
        assert door.people.has_local_admin()
        secret = door.people.reset("bert", occasion)
        door.people.set_password(secret, PASSWORD, occasion.now)
        assert travel(door.browser(), provider).status_code == 200
        assert door.people.person("anna").grant.role is Role.OPERATOR

    def test_a_name_is_kept_when_the_provider_changes_it(self, door: Door, provider: OwnProvider) -> None:
        travel(door.browser(), provider)
        provider.claims["preferred_username"] = "annabel"
        travel(door.browser(), provider)
        assert [each.name for each in door.people.all()] == ["anna"]

    @pytest.mark.parametrize("name", ["root", "ROOT", "", "token ci", "x" * 65, "anna\n", None, 7])
    def test_names_that_cannot_be_used(self, door: Door, provider: OwnProvider, name: object) -> None:
        provider.claims["preferred_username"] = name
        answer = travel(door.browser(), provider)
        names = [each.name for each in door.people.all()]
        assert (answer.status_code, names) in ((403, []), (200, ["anna"]), (200, ["7"]))

    def test_another_subject_of_the_same_name_gets_another_name(self, door: Door, provider: OwnProvider) -> None:
        travel(door.browser(), provider)
        provider.claims |= {"sub": "2", "email": "anna@example.org"}
        assert travel(door.browser(), provider).status_code == 200
        assert [each.name for each in door.people.all()] == ["anna", "anna@example.org"]


class TestProviderInTrouble:
    """A provider that is down, slow, or answers nonsense: the page says so, and a local admin gets in."""

    @pytest.fixture
    def local_admin(self, door: Door, occasion: Occasion) -> None:
        door.people.set_password(door.people.add("chief", Grant(Role.ADMIN), occasion), PASSWORD, occasion.now)

    @pytest.mark.parametrize(
        ("path", "status", "body", "why"),
        [
            ("/.well-known/openid-configuration", 500, b"", "status 500"),
            ("/.well-known/openid-configuration", 302, b"http://127.0.0.1:1/", "status 302"),
            ("/.well-known/openid-configuration", 200, b"<html>", "no JSON"),
            ("/.well-known/openid-configuration", 200, b"[]", "no JSON object"),
            ("/.well-known/openid-configuration", 200, b'{"issuer": "https://other.example"}', "to the letter"),
            ("/.well-known/openid-configuration", 200, b'{"issuer": "ISSUER"}', "no authorization_endpoint"),
            ("/.well-known/openid-configuration", 200, b" " * 600_000, "too much"),
            ("/jwks", 200, b'{"keys": []}', "no key"),
            ("/jwks", 200, b'{"keys": [{"kty": "oct", "k": "AAAA"}, 7, {"kty": "RSA"}]}', "no key"),
            ("/token", 503, b"", "ould not be asked"),
            ("/token", 200, b"<html>", "no JSON"),
            ("/token", 302, b"http://127.0.0.1:1/", ""),
            ("/token", 401, b'{"error": "invalid_client"}', "invalid_client"),
        ],
    )
    @pytest.mark.usefixtures("local_admin")
    def test_it_says_so(
        self,
        door: Door,
        provider: OwnProvider,
        path: str,
        status: int,
        body: bytes,
        why: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        provider.answers[path] = status, body.replace(b"ISSUER", provider.issuer.encode())
        browser = door.browser()
        answer = browser.get("/sign-in/openid")
        if answer.status_code == 303:
            answer = come_back(browser, provider.authorize(answer.headers["Location"]))
            assert told(answer, caplog) == "openid.unavailable"
        assert why in caplog.text
        assert answer.status_code == 503
        assert "The OpenID provider cannot be used now" in answer.text
        assert browser.post("/sign-in", data={"name": "chief", "password": PASSWORD}).status_code == 303

    @pytest.mark.usefixtures("local_admin")
    def test_one_that_never_answers(self, store: SqlStore, occasion: Occasion) -> None:
        with silent_provider() as issuer:
            door = Door(store, issuer)
            browser = door.browser()
            begun = time.monotonic()
            assert browser.get("/sign-in/openid").status_code == 503
            assert time.monotonic() - begun < 30
            begun = time.monotonic()
            assert browser.get("/sign-in/openid").status_code == 503, "nobody waits for the same again"
            assert browser.post("/sign-in", data={"name": "chief", "password": PASSWORD}).status_code == 303
            assert time.monotonic() - begun < 3, "which is less than to ask it again"

    def test_nobody_is_sent_to_one_that_went_down(self, door: Door, provider: OwnProvider) -> None:
        browser = door.browser()
        assert browser.get("/sign-in/openid").status_code == 303
        provider.answers["/.well-known/openid-configuration"] = 502, b""
        door.clock += 5.1
        assert browser.get("/sign-in/openid").status_code == 503

    def test_it_recovers(self, door: Door, provider: OwnProvider) -> None:
        provider.answers["/.well-known/openid-configuration"] = 500, b""
        browser = door.browser()
        assert browser.get("/sign-in/openid").status_code == 503
        del provider.answers["/.well-known/openid-configuration"]
        assert browser.get("/sign-in/openid").status_code == 503
        door.clock += 5
        assert travel(browser, provider).status_code == 200
