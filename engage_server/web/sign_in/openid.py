"""Signing in at an OpenID provider: the way there, and the way back.

The provider sends the browser back with its own page as the cause. So the session's cookie, which is ``Strict``, does
not come with that request, nor with a redirect from it. The answer is therefore a page that leads on by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from flask import Blueprint, Request, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from engage_server.errors import EngageError, TooEarly
from engage_server.services.access.openid.terms import RETURN_PATH
from engage_server.services.access.openid.trip import GOOD_FOR, Trip
from engage_server.services.access.sign_ins import SignIns
from engage_server.web.sign_in.next_page import FIELD as NEXT
from engage_server.web.sign_in.next_page import HOME, read_next, with_next

if TYPE_CHECKING:
    from engage_server.services.access.openid.sign_in import OpenIdSignIn, Returned

START = "/sign-in/openid"
_NAME, _SECURE_NAME = "engage-openid", "__Host-engage-openid"
_MAX_FIELD = 8192
_AWAY, _WAIT, _REFUSED = 503, 429, 403


class Sessions(Protocol):
    """What these pages need; see :class:`engage_server.composition.access_side.AccessSide`."""

    @property
    def sign_ins(self) -> SignIns:
        """Sessions."""


@dataclass(frozen=True, slots=True)
class OpenIdDoor:
    """What the pages know of the provider.

    Attributes:
        sign_in: Returns the trips to it. Raises EngageError while the services cannot be opened.
        base: The URL at which browsers reach us, as the provider knows it, without a path.
    """

    sign_in: Callable[[], "OpenIdSignIn"]
    base: str


class TripCookie:
    """The cookie of a trip. It is ``Lax``: a browser that comes back from the provider must send it.

    Args:
        secure: Whether browsers come over TLS.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self.name = _SECURE_NAME if secure else _NAME

    def read(self, request: Request) -> str:
        """Return its content. "" if there is none."""
        return request.cookies.get(self.name, "")[:_MAX_FIELD]

    def set(self, response: Response, trip: Trip) -> None:
        """Hand it to the browser, for as long as the trip may take."""
        response.set_cookie(
            self.name,
            trip.cookie,
            max_age=int(GOOD_FOR.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )

    def remove(self, response: Response) -> None:
        """Take it from the browser."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite="Lax")


class OpenIdPages:
    """The two addresses.

    Args:
        access: Returns the services. Raises EngageError while they cannot be opened.
        now: The clock; aware, UTC.
        door: The provider.
        into_session: Puts a session's secret into the cookie of an answer, and ends the session of before.
        secure: Whether browsers come over TLS.
    """

    def __init__(
        self,
        access: Callable[[], Sessions],
        now: Callable[[], datetime],
        door: OpenIdDoor,
        into_session: Callable[[Response, str], None],
        *,
        secure: bool,
    ) -> None:
        self._access = access
        self._now = now
        self._door = door
        self._into_session = into_session
        self._cookie = TripCookie(secure=secure)

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the addresses to the pages."""
        for path, view in ((START, self.openid), (RETURN_PATH, self.openid_return)):
            blueprint.add_url_rule(path, view.__name__, view, methods=["GET"], provide_automatic_options=False)

    def openid(self) -> AnyResponse:
        """Send the browser to the provider."""
        aim = read_next(request.args.get(NEXT))
        if request.host != urlsplit(self._door.base).netloc and "from" not in request.args:
            # a cookie that is set under another name of this host would not come back
            return redirect(self._door.base + with_next(START, aim, **{"from": "here"}), 303)
        try:
            trip, address = self._door.sign_in().begin(self._now(), "" if aim == HOME else aim)
        except EngageError as error:
            return self._trouble(error)
        answer = redirect(address, 303)
        assert isinstance(answer, Response)  # noqa: S101  # Flask's own
        self._cookie.set(answer, trip)
        return answer

    def openid_return(self) -> AnyResponse:
        """Receive the browser back. Whatever comes of it, the trip is over."""
        try:
            now = self._now()
            person = self._door.sign_in().finish(self._returned(), now)
            signed_in = self._access().sign_ins.begin(person, _address(), now, "openid")
        except EngageError as error:
            return self._trouble(error)
        trip = Trip.read(self._cookie.read(request))  # it is this one: the state fits
        aim = read_next(trip.aim if trip else "")
        answer = make_response(render_template("openid-done.html", name=person.name, aim=aim))
        self._into_session(answer, signed_in.secret)
        self._cookie.remove(answer)
        return answer

    def _returned(self) -> "Returned":
        from engage_server.services.access.openid.sign_in import Returned

        def field(name: str) -> str:
            given = request.args.getlist(name)
            return given[0][:_MAX_FIELD] if len(given) == 1 else ""

        return Returned(
            self._cookie.read(request), field("state"), field("code"), field("iss"), field("error"), _address()
        )

    def _trouble(self, error: EngageError) -> Response:
        """Show the page to sign in with what went wrong: a local admin signs in below."""
        status = _WAIT if error.code == "sign_in.wait" else _REFUSED
        trouble = f"{error.sentence}. {error.next_step}"
        if not error.code.startswith(("openid.", "sign_in.")):
            raise error
        if error.code == "openid.unavailable":  # only the log says why
            status, trouble = _AWAY, f"the OpenID provider cannot be used now. {error.next_step}"
        page = render_template("sign-in.html", trouble=trouble, name="", openid=START, aim=HOME)
        answer = with_retry(make_response(page, status), error)
        self._cookie.remove(answer)
        return answer


def with_retry(answer: Response, error: EngageError) -> Response:
    """Add to an answer when the next attempt may come, if the error says so (RFC 9110 section 10.2.3)."""
    if isinstance(error, TooEarly):
        answer.headers["Retry-After"] = str(error.retry_seconds)
    return answer


def _address() -> str:
    return str(request.environ.get("REMOTE_ADDR", ""))
