"""Shows a page, or carries out what a form asks for.

1. Who comes? Nobody is led to the page on which people sign in.
2. May they? The page says who may, with 403.
3. A form must be one of this session's own.
4. What was done leads to a page (303). What is refused, or shown once, is shown on the page that held the form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Request, Response, g, redirect
from flask import request as current
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from engage_server.errors import BodyInvalid, EngageError
from engage_server.records import Actor, Occasion
from engage_server.services.access.permissions import Act, assert_may, assert_may_somewhere
from engage_server.services.access.secrets_at_rest import digest_of
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Download, Form, Page
from engage_server.web.console.path_parameters import read_path
from engage_server.web.console.services import Services
from engage_server.web.console.showing.rendering import shown
from engage_server.web.console.visit import Browser, Visit
from engage_server.web.problems import status_of
from engage_server.web.sign_in import form_tokens
from engage_server.web.sign_in.next_page import SIGN_IN, with_next
from engage_server.web.sign_in.openid import with_retry
from engage_server.web.surroundings import Surroundings

_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class _Visitor:
    actor: Actor
    session: str = field(repr=False)
    browser: Browser


class Dispatch:
    """Answers visits.

    Args:
        surroundings: What pages are shown with.
    """

    def __init__(self, surroundings: Surroundings[Services]) -> None:
        self._with = surroundings

    def page(self, page: Page) -> Callable[..., AnyResponse]:
        """The view of a page, for Flask. Its call raises EngageError, which is shown on a separate page."""

        def show(**values: str) -> AnyResponse:
            visitor = self._visitor(current)  # 1
            if visitor is None:
                return _led_to_sign_in(current)
            visit = self._visit(page, current, values, visitor, page.act, page.scope)  # 2
            return shown(visit, form_tokens.form_token(visitor.session))

        show.__name__, show.__doc__ = page.name, page.title
        return show

    def form(self, page: Page, form: Form) -> Callable[..., AnyResponse]:
        """The view of a form, for Flask."""

        def act(**values: str) -> AnyResponse:
            current.max_content_length = form.most_bytes
            visitor = self._visitor(current)  # 1
            if visitor is None:
                return _led_to_sign_in(None)
            visit = self._visit(page, current, values, visitor, form.act, form.scope)  # 2
            try:
                visit = _with_form(visit, current)
                form_tokens.assert_own_form(visitor.session, visit.fields.get(form_tokens.FIELD, ""))  # 3
                result = form.carry_out(visit)  # 4
                if isinstance(result, str):
                    return redirect(result, _SEE_OTHER)
                return shown(visit, form_tokens.form_token(visitor.session), content=result)
            except EngageError as refusal:
                if not self._may_see(page, visit):
                    raise
                token = form_tokens.form_token(visitor.session)
                return with_retry(shown(visit.refused(refusal), token, status_of(refusal)), refusal)

        act.__name__ = form.name
        return act

    def download(self, page: Page, download: Download) -> Callable[..., AnyResponse]:
        """The view of a file, for Flask."""

        def make(**values: str) -> AnyResponse:
            visitor = self._visitor(current)
            if visitor is None:
                return _led_to_sign_in(current)
            file = download.make(self._visit(page, current, values, visitor, download.act, download.scope))
            named = {"Content-Disposition": f'attachment; filename="{file.name}"'}
            return Response(file.content, content_type=file.content_type, headers=named)

        make.__name__ = download.name
        return make

    def _visitor(self, request: Request) -> _Visitor | None:
        secret = self._with.cookie.read(request)
        actor = self._with.services().access.sign_ins.actor(secret, self._with.now()) if secret else None
        if actor is None:
            return None
        origin, address = f"{self._with.cookie.scheme}://{request.host}", request.environ.get("REMOTE_ADDR", "")
        return _Visitor(actor, secret, Browser(origin, str(address), digest_of(secret)))

    def _visit(
        self, page: Page, request: Request, values: Mapping[str, str], visitor: _Visitor, act: Act, scope: Scope
    ) -> Visit:
        actor = g.caller = visitor.actor
        path = read_path(values)
        if scope is Scope.SOMEWHERE:
            assert_may_somewhere(actor, act)
        else:
            assert_may(actor, act, str(path.get("site", "")) if scope is Scope.SITE else "")
        occasion = Occasion(actor.name, self._with.now(), self._with.boot_clock())
        asked, services = _single(request.args), self._with.services()
        opener, clock = self._with.open_sent, self._with.now
        return Visit(page, services, actor, occasion, path, asked, {}, MultiDict(), opener, clock, visitor.browser)

    @staticmethod
    def _may_see(page: Page, visit: Visit) -> bool:
        return page.scope is Scope.SOMEWHERE or visit.may(page.act)


def _with_form(visit: Visit, request: Request) -> Visit:
    try:
        return replace(visit, fields=_single(request.form), files=request.files, sent_to=request.path)
    except RequestEntityTooLarge:
        raise BodyInvalid("the form is too large", "Send less.", code="request.too_large") from None


def _single(values: Any) -> dict[str, str]:
    """The first value of each name: no page of ours sends a name twice.

    Raises:
        BodyInvalid: One has a NUL, which no text field holds and not every database takes.
    """
    single = {str(name): str(value) for name, value in values.to_dict().items()}
    if any("\0" in part for pair in single.items() for part in pair):
        raise BodyInvalid("a field holds a character that is no text", "Type it again.", code="request.not_text")
    return single


def _led_to_sign_in(request: Request | None) -> AnyResponse:
    """Lead to the page on which people sign in, and from there to the page that was asked for."""
    if request is None:
        return redirect(SIGN_IN, _SEE_OTHER)
    asked = request.full_path if request.query_string else request.path
    return redirect(with_next(SIGN_IN, asked), _SEE_OTHER)
