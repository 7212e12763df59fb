"""The API as a part of the operators' app."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g
from werkzeug.routing import BaseConverter

from engage_server.errors import EngageError, NotPossible, ReleaseExists
from engage_server.services.access.permissions import Act, may
from engage_server.web import problems
from engage_server.web.api.dispatch import BASE, Dispatch
from engage_server.web.api.next_steps import next_step_of
from engage_server.web.api.path_parameters import NUMBER, flask_rule
from engage_server.web.api.problem_codes import PROBLEM_CODES
from engage_server.web.api.requests import reading
from engage_server.web.api.route import Route
from engage_server.web.api.routes.table import ROUTES
from engage_server.web.api.services import Services
from engage_server.web.surroundings import Surroundings

# what a status says in its header, too; with another status it would be wrong
_FIELD_OF = {401: "WWW-Authenticate", 503: "Retry-After"}


def blueprint(surroundings: Surroundings[Services], routes: Sequence[Route[Any, Any, Any]] = ROUTES) -> Blueprint:
    """Build it.

    Args:
        surroundings: What requests are carried out with.
        routes: The table.
    """
    bp = Blueprint("api", __name__, url_prefix=BASE)
    bp.record(lambda state: state.app.url_map.converters.update(number=Number))
    dispatch = Dispatch(surroundings)
    for route in routes:
        bp.add_url_rule(
            flask_rule(route.path),
            route.name,
            dispatch.view(route),
            methods=[route.method],
            provide_automatic_options=False,
        )
    bp.register_error_handler(EngageError, problem_of)
    return bp


class Number(BaseConverter):
    """The number of a release or of a rotation, in a path."""

    regex = NUMBER


def problem_of(error: EngageError) -> Response:
    """The problem for an error. Its code decides the status, if the table of codes has it."""
    answer = problems.of_error(error)
    status, _ = PROBLEM_CODES.get(error.code, (answer.status_code, ""))
    fields = {name: value for name, value in answer.headers.items() if name == _FIELD_OF.get(status)}
    return problems.problem(
        status,
        error.code,
        _sentence(error),
        next_step_of(error),
        fields=fields,
        extension=_extension(error),
    )


def _extension(error: EngageError) -> dict[str, object]:
    """What programs need to go on, beyond the code."""
    if isinstance(error, reading.FieldsInvalid):
        return {"errors": [{"pointer": pointer, "sentence": sentence} for pointer, sentence in error.faults]}
    return {"release": error.release} if isinstance(error, ReleaseExists) else {}


def _sentence(error: EngageError) -> str:
    """What happened, without what the caller may not know: another site, or how this host is set up."""
    _, meaning = PROBLEM_CODES.get(error.code, (0, ""))
    if error.other_site and not may(g.caller, Act.SITE_SEE, error.other_site):
        return meaning.rstrip(".")
    if isinstance(error, NotPossible):
        return meaning.rstrip(".") or problems.NOT_POSSIBLE
    return error.sentence
