"""Signing in and out, and setting a password by a link. The pages need no script."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from engage_server.errors import EngageError, Refused
from engage_server.records import Actor
from engage_server.services.access.people import People
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.sign_in.openid import OpenIdDoor, OpenIdPages, Sessions

_log = logging.getLogger(__name__)

SIGN_IN, HOME, ACCOUNT = "/sign-in", "/", "/account"
_STYLE = Path(__file__).with_name("sign-in.css")
_WAIT, _WRONG, _STORE = 429, 403, 503
# Pages hold nothing but their own style. Nobody may frame them, and forms go back here alone.
_POLICY = "; ".join(
    ("default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'")
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # the address of a link holds its secret, so nobody else gets it
    "X-Content-Type-Options": "nosniff",
}


class Access(Sessions, Protocol):
    """Who may come in; see :class:`engage_server.composition.access_side.AccessSide`."""

    @property
    def people(self) -> People:
        """People."""


def blueprint(
    access: Callable[[], Access], now: Callable[[], datetime], *, secure: bool, openid: OpenIdDoor | None = None
) -> Blueprint:
    """Build the pages.

    Args:
        access: Returns the services. Raises EngageError while they cannot be opened.
        now: The clock; aware, UTC.
        secure: Whether browsers come over TLS.
        openid: The OpenID provider. None if nobody signs in at one.
    """
    bp = Blueprint("sign_in", __name__, template_folder="templates")
    pages = _Pages(access, now, SessionCookie(secure=secure), has_openid=openid is not None)
    for path, method, view in (
        (ACCOUNT, "GET", pages.account),
        (SIGN_IN, "GET", pages.form),
        (SIGN_IN, "POST", pages.sign_in),
        ("/sign-out", "POST", pages.sign_out),
        (f"{SIGN_IN}/<secret>", "GET", pages.link),
        (f"{SIGN_IN}/<secret>", "POST", pages.set_password),
    ):
        bp.add_url_rule(path, view.__name__, view, methods=[method], provide_automatic_options=False)
    if openid is not None:
        OpenIdPages(access, now, openid, pages.into_session, secure=secure).add_to(bp)
    bp.add_url_rule("/sign-in.css", "style", _style, methods=["GET"], provide_automatic_options=False)
    bp.register_error_handler(EngageError, _trouble)
    bp.after_request(_with_headers)
    return bp


class _Pages:
    def __init__(
        self, access: Callable[[], Access], now: Callable[[], datetime], cookie: SessionCookie, *, has_openid: bool
    ) -> None:
        self._access = access
        self._has_openid = has_openid
        self._now = now
        self._cookie = cookie

    def account(self) -> AnyResponse | str:
        """Say who is signed in."""
        actor = self._actor()
        if actor is None:
            return redirect(SIGN_IN, 303)
        return render_template("signed-in.html", name=actor.name, grant=actor.grant)

    def form(self) -> AnyResponse | str:
        """Show the form."""
        if self._actor() is not None:
            return redirect(HOME, 303)
        return render_template("sign-in.html", trouble="", name="", openid=self._has_openid)

    def sign_in(self) -> AnyResponse | tuple[str, int]:
        """Check name and password. A session of before ends: a browser has one person."""
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            signed_in = self._access().sign_ins.by_password(name, password, _address(), self._now())
        except Refused as refused:
            status = _WAIT if refused.code == "sign_in.wait" else _WRONG
            trouble = f"{refused.sentence}. {refused.next_step}"
            page = render_template("sign-in.html", trouble=trouble, name=name[:64], openid=self._has_openid)
            return page, status
        return self._home_with(signed_in.secret)

    def sign_out(self) -> AnyResponse:
        """End the session."""
        self._access().sign_ins.end(self._cookie.read(request))
        answer = redirect(SIGN_IN, 303)
        assert isinstance(answer, Response)  # noqa: S101  # Flask's own
        self._cookie.remove(answer)
        return answer

    def link(self, secret: str) -> str | tuple[str, int]:
        """Show the form for a new password. That alone does not use the link up: some programs open links unasked."""
        person = self._access().people.invited(secret, self._now())
        if person is None:
            return render_template("link-used.html"), 410
        return render_template("set-password.html", name=person.name, trouble="")

    def set_password(self, secret: str) -> AnyResponse | str | tuple[str, int]:
        """Set the password, and sign in with it."""
        password, again = request.form.get("password", ""), request.form.get("again", "")
        access, now = self._access(), self._now()
        person = access.people.invited(secret, now)
        if person is None:
            return render_template("link-used.html"), 410
        if password != again:
            trouble = "The two passwords differ. Type the same one twice."
            return render_template("set-password.html", name=person.name, trouble=trouble), 400
        try:
            person = access.people.set_password(secret, password, now)
        except Refused as refused:
            trouble = f"{refused.sentence}. {refused.next_step}"
            return render_template("set-password.html", name=person.name, trouble=trouble), 400
        return self._home_with(access.sign_ins.begin(person, _address(), now, "link").secret)

    def into_session(self, answer: Response, secret: str) -> None:
        """Put a session into an answer. The one of before ends: a browser has one person."""
        before = self._cookie.read(request)
        if before:
            self._access().sign_ins.end(before)
        self._cookie.set(answer, secret)

    def _home_with(self, secret: str) -> AnyResponse:
        answer = redirect(HOME, 303)
        assert isinstance(answer, Response)  # noqa: S101  # Flask's own
        self.into_session(answer, secret)
        return answer

    def _actor(self) -> Actor | None:
        secret = self._cookie.read(request)
        return self._access().sign_ins.actor(secret, self._now()) if secret else None


def _address() -> str:
    return str(request.environ.get("REMOTE_ADDR", ""))


def _style() -> Response:
    return Response(_STYLE.read_bytes(), content_type="text/css; charset=utf-8")


def _trouble(error: EngageError) -> tuple[str, int]:
    """The database is away, or the key that opens it is missing. A stranger reads the page: only the log says which."""
    _log.error("nobody can sign in now: %s", error)
    return render_template("trouble.html"), _STORE


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
