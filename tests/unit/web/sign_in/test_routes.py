"""The pages on which people sign in, as a browser without scripts sees them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from engage_server.errors import StoreNotUsable
from engage_server.records import Actor, ActorKind, Grant, Occasion, Role
from engage_server.services.access.people import People
from engage_server.services.access.sign_ins import IDLE, SignIns
from engage_server.store.database.engine import open_engine
from engage_server.store.sql_store import SqlStore
from engage_server.web.sign_in.form_tokens import form_token
from engage_server.web.sign_in.routes import blueprint
from tests.support.chains import NOW
from tests.support.databases import SEALER, migrated_sqlite
from tests.support.operators import operators_app
from tests.support.passwords import quick_passwords

PASSWORD = "correct horse battery"
HOSTILE = [
    *("", "//evil.example", "///evil.example", "https://evil.example/", "evil.example", "javascript:evil()"),
    *("/\\evil.example", "\\evil.example", "/a\\evil", "/\tevil", "/evil\r\nSet-Cookie: a=b", "/\0evil", "/ evil"),
    *("/\u2028evil", "/\u00e9vil", "/evil\x7f", " /evil", "\t//evil.example", "/" + "evil" * 250),
    *("/sign-in?next=/evil", "/sign-out?evil", "/sign-in/evil", "/sign-in"),
]


class Door:
    """The pages on a store, with a clock that is set by hand."""

    def __init__(self, store: SqlStore, *, secure: bool = False) -> None:
        passwords = quick_passwords()
        self.people, self.sign_ins = People(store, passwords), SignIns(store, passwords)
        self.now = NOW
        self.is_away = False
        pages = blueprint(self._access, lambda: self.now, secure=secure)
        self._app = operators_app([pages], secure=secure)

    def browser(self) -> FlaskClient:
        """A new one, without cookies."""
        client = self._app.test_client()
        client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
        return client

    def visitor(self, browser: FlaskClient) -> Actor | None:
        """Who has signed in there."""
        cookie = browser.get_cookie("engage")
        return self.sign_ins.actor(cookie.value, self.now) if cookie else None

    def _access(self) -> "Door":
        if self.is_away:
            raise StoreNotUsable("the database postgresql://secret-host is away", "Wait.")
        return self


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = SqlStore(open_engine(migrated_sqlite(tmp_path / "engage.db")), SEALER)
    yield store
    store.close()


@pytest.fixture
def door(store: SqlStore) -> Door:
    return Door(store)


@pytest.fixture
def secret(door: Door, occasion: Occasion) -> str:
    """Of Anna's link."""
    return door.people.add("anna", Grant(Role.OPERATOR, frozenset({"main"})), occasion)


def set_password(browser: FlaskClient, secret: str, password: str = PASSWORD, again: str = PASSWORD) -> int:
    return browser.post(f"/sign-in/{secret}", data={"password": password, "again": again}).status_code


def sign_in(browser: FlaskClient, password: str = PASSWORD, name: str = "anna") -> int:
    return browser.post("/sign-in", data={"name": name, "password": password}).status_code


def sign_out(browser: FlaskClient) -> TestResponse:
    """By the form that each page of the console has."""
    cookie = browser.get_cookie("engage")
    return browser.post("/sign-out", data={"token": form_token(cookie.value) if cookie else ""})


class TestSigningIn:
    """From the link to the way out."""

    def test_from_the_link_to_the_way_out(self, door: Door, secret: str) -> None:
        browser = door.browser()
        assert door.visitor(browser) is None
        shown = browser.get(f"/sign-in/{secret}")
        assert 'value="anna"' in shown.text
        assert set_password(browser, secret) == 303
        assert door.visitor(browser) == Actor("anna", ActorKind.PERSON, Grant(Role.OPERATOR, frozenset({"main"})))
        assert browser.get("/sign-in").headers["Location"] == "/"
        assert sign_out(browser).headers["Location"] == "/sign-in"
        assert door.visitor(browser) is None
        assert sign_in(browser) == 303
        assert door.visitor(browser) is not None

    def test_a_link_is_not_used_up_by_looking_at_it(self, door: Door, secret: str) -> None:
        for _ in range(3):
            assert door.browser().get(f"/sign-in/{secret}").status_code == 200
        assert set_password(door.browser(), secret) == 303
        assert door.browser().get(f"/sign-in/{secret}").status_code == 410
        assert set_password(door.browser(), secret) == 410

    @pytest.mark.parametrize(
        ("password", "again", "told"),
        [("short", "short", "at least 12 are needed"), (PASSWORD, PASSWORD + "x", "The two passwords differ")],
    )
    def test_a_password_that_cannot_be_used(
        self, door: Door, secret: str, password: str, again: str, told: str
    ) -> None:
        answer = door.browser().post(f"/sign-in/{secret}", data={"password": password, "again": again})
        assert answer.status_code == 400
        assert told in answer.text
        assert password not in answer.text
        assert set_password(door.browser(), secret) == 303, "the link is still good"

    def test_a_wrong_password_is_told_without_it(self, door: Door, secret: str) -> None:
        set_password(door.browser(), secret)
        answer = door.browser().post("/sign-in", data={"name": "<b>anna", "password": "not this one!"})
        assert answer.status_code == 403
        assert "Name or password is wrong" in answer.text
        assert "not this one!" not in answer.text
        assert "<b>anna" not in answer.text
        assert "&lt;b&gt;anna" in answer.text

    def test_a_name_with_a_nul_is_nobodys(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """PostgreSQL refuses to be asked for one, so no store is."""
        asked: list[str] = []
        by_password = door.sign_ins.by_password

        def heard(name: str, *others: Any) -> Any:
            asked.append(name)
            return by_password(name, *others)

        monkeypatch.setattr(door.sign_ins, "by_password", heard)
        answer = door.browser().post("/sign-in", data={"name": "an\0na", "password": PASSWORD})
        assert answer.status_code == 403
        assert "Name or password is wrong" in answer.text
        assert asked == ["an\ufffdna"]

    def test_guessing_is_slow(self, door: Door, secret: str) -> None:
        set_password(door.browser(), secret)
        assert [sign_in(door.browser(), "wrong") for _ in range(7)] == [403] * 5 + [429] * 2
        early = door.browser().post("/sign-in", data={"name": "anna", "password": PASSWORD})
        assert early.status_code == 429, "even with the right one"
        seconds = int(early.headers["Retry-After"])
        assert f"Wait {seconds} s" in early.text
        door.now += timedelta(seconds=seconds)
        assert sign_in(door.browser()) == 303

    @pytest.mark.parametrize(
        "form", [{}, {"name": "anna"}, {"password": PASSWORD}, {"name": "\0\ud800", "password": "x"}]
    )
    def test_a_form_that_is_not_whole(self, door: Door, secret: str, form: dict[str, str]) -> None:
        sent = {name: text.encode("utf-8", "surrogatepass").decode("latin-1") for name, text in form.items()}
        assert door.browser().post("/sign-in", data=sent).status_code == 403


class TestWhereItLeads:
    """After signing in, people come to the page that they asked for, and never to another host."""

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/sites/main/doors",
            "/audit-log?site=main&actor=a%20b",
            "/sign-ins",
            "/sites/main/doors/2001:db8::1",
            "/x/https://evil.example/",  # a path of ours
        ],
    )
    def test_to_the_page_that_was_asked_for(self, door: Door, secret: str, path: str) -> None:
        set_password(door.browser(), secret)
        browser = door.browser()
        page = browser.get("/sign-in", query_string={"next": path})
        assert (f'name="next" value="{escape(path)}"' in page.text) is (path != "/")
        answer = browser.post("/sign-in", data={"name": "anna", "password": PASSWORD, "next": path})
        assert answer.headers["Location"] == path
        assert browser.get("/sign-in", query_string={"next": path}).headers["Location"] == path, "signed in already"

    @pytest.mark.parametrize("path", HOSTILE)
    def test_never_elsewhere(self, door: Door, secret: str, path: str) -> None:
        set_password(door.browser(), secret)
        browser = door.browser()
        page = browser.get("/sign-in", query_string={"next": path})
        assert 'name="next"' not in page.text
        assert "evil" not in page.text + str(page.headers)
        answer = browser.post("/sign-in", data={"name": "anna", "password": PASSWORD, "next": path})
        assert answer.headers["Location"] == "/"
        assert browser.get("/sign-in", query_string={"next": path}).headers["Location"] == "/"

    def test_a_wrong_password_does_not_forget_the_page(self, door: Door, secret: str) -> None:
        set_password(door.browser(), secret)
        answer = door.browser().post("/sign-in", data={"name": "anna", "password": "wrong", "next": "/check"})
        assert 'name="next" value="/check"' in answer.text


class TestSigningOut:
    """The form has the session's token."""

    @pytest.mark.parametrize("token", [None, "", "0" * 64, "\u00e4"])
    def test_a_form_of_another_page_asks_first(self, door: Door, secret: str, token: str | None) -> None:
        browser = door.browser()
        set_password(browser, secret)
        asked = browser.post("/sign-out", data={} if token is None else {"token": token})
        assert asked.status_code == 403
        assert "You are still signed in" in asked.text
        assert door.visitor(browser) is not None
        (own,) = re.findall(r'name="token" value="([0-9a-f]{64})"', asked.text)
        assert browser.post("/sign-out", data={"token": own}).headers["Location"] == "/sign-in", "nobody is locked in"
        assert door.visitor(browser) is None

    def test_who_is_signed_out_already_is_led_to_the_form(self, door: Door) -> None:
        assert door.browser().post("/sign-out").headers["Location"] == "/sign-in"

    def test_the_token_of_another_session_does_not_fit(self, door: Door, secret: str) -> None:
        browser, other = door.browser(), door.browser()
        set_password(browser, secret)
        sign_in(other)
        cookie = other.get_cookie("engage")
        assert cookie is not None
        assert browser.post("/sign-out", data={"token": form_token(cookie.value)}).status_code == 403


class TestSession:
    """The cookie."""

    def test_each_sign_in_has_a_new_secret_and_ends_the_one_before(self, door: Door, secret: str) -> None:
        browser = door.browser()
        set_password(browser, secret)
        first = browser.get_cookie("engage")
        assert first is not None
        sign_in(browser)
        second = browser.get_cookie("engage")
        assert second is not None
        assert first.value != second.value
        other = door.browser()
        other.set_cookie("engage", first.value)
        assert door.visitor(other) is None

    def test_a_secret_that_a_stranger_planted_is_never_taken(self, door: Door, secret: str) -> None:
        set_password(door.browser(), secret)
        browser = door.browser()
        browser.set_cookie("engage", "planted")
        sign_in(browser)
        cookie = browser.get_cookie("engage")
        assert cookie is not None
        assert cookie.value != "planted"

    @pytest.mark.parametrize(("secure", "name"), [(False, "engage"), (True, "__Host-engage")])
    def test_the_cookie_is_for_this_host_alone(
        self, store: SqlStore, occasion: Occasion, secure: bool, name: str
    ) -> None:
        door = Door(store, secure=secure)
        secret = door.people.add("anna", Grant(Role.VIEWER), occasion)
        answer = door.browser().post(f"/sign-in/{secret}", data={"password": PASSWORD, "again": PASSWORD})
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"{name}=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert ("Secure" in cookie.split("; ")) is secure
        assert "Domain" not in cookie

    def test_an_idle_session_ends(self, door: Door, secret: str) -> None:
        browser = door.browser()
        set_password(browser, secret)
        door.now += IDLE
        assert door.visitor(browser) is not None
        door.now += IDLE + timedelta(seconds=1)
        assert door.visitor(browser) is None
        assert browser.get("/sign-in").status_code == 200


class TestPages:
    """What every page has."""

    @pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-in/none", "/sign-in.css"])
    def test_each_answer_is_closed_to_others(self, door: Door, path: str) -> None:
        headers = door.browser().get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"

    def test_nothing_comes_from_elsewhere(self, door: Door, secret: str) -> None:
        for path in ("/sign-in", f"/sign-in/{secret}", "/sign-in/none"):
            page = door.browser().get(path).text
            assert "<script" not in page
            assert not re.findall(r"(?:src|href|action)=\"(?!/)", page)

    def test_while_the_database_is_away(self, door: Door, caplog: pytest.LogCaptureFixture) -> None:
        door.is_away = True
        answer = door.browser().get("/sign-in/some")
        assert answer.status_code == 503
        assert "secret-host" not in answer.text
        assert "secret-host" in caplog.text

    @pytest.mark.parametrize(
        ("method", "path"), [("DELETE", "/sign-in"), ("GET", "/sign-out"), ("GET", "/sign-in/a/b")]
    )
    def test_other_addresses_do_not_exist(self, door: Door, method: str, path: str) -> None:
        assert door.browser().open(path, method=method).status_code in (404, 405)
