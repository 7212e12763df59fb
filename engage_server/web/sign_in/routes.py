"""Signing in and out, and setting a password by a link. The pages need no script."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from engage_server.errors import EngageError, Refused
from engage_server.records import Actor
from engage_server.services.access.people import People
from engage_server.web.sign_in import form_tokens
from engage_server.web.sign_in.cookie import SessionCookie
from engage_server.web.sign_in.next_page import FIELD as NEXT
from engage_server.web.sign_in.next_page import HOME, SIGN_IN, read_next, with_next
from engage_server.web.sign_in.openid import START, OpenIdDoor, OpenIdPages, Sessions, with_retry

_log = logging.getLogger(__name__)

SIGN_OUT = "/sign-out"
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
        (SIGN_IN, "GET", pages.form),
        (SIGN_IN, "POST", pages.sign_in),
        (SIGN_OUT, "POST", pages.sign_out),
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

    def form(self) -> AnyResponse | str:
        """Show the form."""
        aim = read_next(request.args.get(NEXT))
        if self._actor() is not None:
            return redirect(aim, 303)
        return self._form(aim)

    def sign_in(self) -> AnyResponse:
        """Check name and password. A session of before ends: a browser has one person."""
        # no name has a NUL, which not every database takes, so it is one of nobody
        name, password = request.form.get("name", "").replace("\0", "\ufffd"), request.form.get("password", "")
        aim = read_next(request.form.get(NEXT))
        try:
            signed_in = self._access().sign_ins.by_password(name, password, _address(), self._now())
        except Refused as refused:
            status = _WAIT if refused.code == "sign_in.wait" else _WRONG
            trouble = f"{refused.sentence}. {refused.next_step}"
            return with_retry(make_response(self._form(aim, trouble, name[:64]), status), refused)
        return self._led_to(aim, signed_in.secret)

    def sign_out(self) -> AnyResponse | tuple[str, int]:
        """End the session. A form that is none of this session's asks first, so everybody can always leave."""
        session = self._cookie.read(request)
        if self._actor() is not None and not form_tokens.is_own_form(session, request.form.get(form_tokens.FIELD, "")):
            token = (form_tokens.FIELD, form_tokens.form_token(session))
            return render_template("sign-out.html", path=SIGN_OUT, token=token), _WRONG
        self._access().sign_ins.end(session)
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
        return self._led_to(HOME, access.sign_ins.begin(person, _address(), now, "link").secret)

    def into_session(self, answer: Response, secret: str) -> None:
        """Put a session into an answer. The one of before ends: a browser has one person."""
        before = self._cookie.read(request)
        if before:
            self._access().sign_ins.end(before)
        self._cookie.set(answer, secret)

    def _form(self, aim: str, trouble: str = "", name: str = "") -> str:
        openid = with_next(START, aim) if self._has_openid else ""
        return render_template("sign-in.html", trouble=trouble, name=name, openid=openid, aim=aim)

    def _led_to(self, path: str, secret: str) -> AnyResponse:
        answer = redirect(path, 303)
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
