"""The console as a part of the operators' app."""

from collections.abc import Callable, Sequence
from pathlib import Path

from flask import Blueprint, Response, current_app, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as AddressUnknown
from werkzeug.wrappers import Response as AnyResponse

from engage_server.errors import EngageError, NotFound
from engage_server.web import problems
from engage_server.web.api.blueprint import Number
from engage_server.web.api.dispatch import BASE
from engage_server.web.console.dispatch import Dispatch
from engage_server.web.console.page import Page
from engage_server.web.console.path_parameters import flask_rule
from engage_server.web.console.services import Services
from engage_server.web.console.showing.rendering import filters, trouble, without_turns
from engage_server.web.console.table import PAGES
from engage_server.web.surroundings import Surroundings

_ASSETS = Path(__file__).with_name("assets")
_DEFECT = EngageError("the page could not be shown", "See the log of the operators' instance.")
_TYPES = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}


def blueprint(surroundings: Surroundings[Services], pages: Sequence[Page] = PAGES) -> Blueprint:
    """Build it.

    Args:
        surroundings: What pages are shown with.
        pages: The table.
    """
    bp = Blueprint("console", __name__, template_folder="templates")
    bp.record(lambda state: state.app.url_map.converters.update(number=Number))
    bp.record(lambda state: state.app.jinja_env.filters.update(filters()))
    bp.record(lambda state: setattr(state.app.jinja_env, "finalize", without_turns))
    dispatch = Dispatch(surroundings)
    for page in pages:
        _add(bp, page.path, page.name, dispatch.page(page))
        for download in page.downloads:
            _add(bp, download.path, f"{page.name}-{download.name}", dispatch.download(page, download))
        for form in page.forms:
            _add(bp, form.path, f"{page.name}-{form.name}", dispatch.form(page, form), "POST")
    for name in _TYPES:
        _add(bp, f"/{name}", name.replace(".", "-"), _asset(name))
    bp.register_error_handler(EngageError, trouble_of)
    bp.register_error_handler(Exception, _failed)
    bp.app_errorhandler(404)(_nothing_there)
    return bp


def _add(bp: Blueprint, path: str, name: str, view: Callable[..., AnyResponse], method: str = "GET") -> None:
    bp.add_url_rule(flask_rule(path), name, view, methods=[method], provide_automatic_options=False)


def trouble_of(error: EngageError) -> Response:
    """The page for what cannot be shown."""
    problems.log_if_not_possible(error)
    caller = g.get("caller")
    return trouble(error, problems.status_of(error), caller.name if caller else "")


def _failed(error: Exception) -> Response:
    """Handle a defect of ours. The traceback goes to the log, never to the page."""
    if isinstance(error, HTTPException):
        return problems.of_http_error(error)
    current_app.logger.exception("a page could not be shown")
    caller = g.get("caller")
    return trouble(_DEFECT, 500, caller.name if caller else "")


def _nothing_there(error: AddressUnknown) -> Response:
    """A page for who reads pages, and a problem for programs."""
    wants_page = request.accept_mimetypes.best_match((problems.PROBLEM, "text/html")) == "text/html"
    if request.path.startswith(BASE) or not wants_page:
        return problems.of_http_error(error)
    return trouble_of(NotFound("there is no page at this address", "Check the address.", code="address.not_found"))


def _asset(name: str) -> Callable[[], Response]:
    content = (_ASSETS / name).read_bytes()

    def asset() -> Response:
        return Response(content, content_type=f"{_TYPES[name]}; charset=utf-8")

    return asset
