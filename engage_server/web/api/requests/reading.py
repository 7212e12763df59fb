"""Reads the query and the body of a request, strictly: nothing is converted, guessed or ignored."""

from collections.abc import Iterator
from typing import TypeVar

from flask import Request
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engage_server.errors import BodyInvalid, EngageError, UsageError
from engage_server.protocol.json_body import read_json
from engage_server.web.api.route import Body, Query

JSON = "application/json"
_BOM = b"\xef\xbb\xbf"
_MOST_FAULTS = 20
_Q = TypeVar("_Q", bound=Query)
_B = TypeVar("_B", bound=Body)

# what pydantic calls a fault -> how we say it
_SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "float_type": "must be a number",
    "null": "must not be null: leave it out instead",
}


class FieldsInvalid(EngageError):
    """A body or a query that can be read, but whose fields are not as the route's shape says.

    Attributes:
        faults: A JSON pointer (RFC 6901), or the name of a parameter, with what is wrong there.
    """

    default_code = "request.invalid"

    def __init__(self, faults: list[tuple[str, str]], code: str = "") -> None:
        self.faults = faults
        where, what = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"{where or 'the body'} {what}{more}", "Correct what the field 'errors' names.", code=code)


class MediaTypeRefused(UsageError):
    """The body has a type that is not read here."""

    default_code = "request.media_type"


def read_query(request: Request, shape: type[_Q]) -> _Q:
    """Read the parameters behind the question mark.

    Raises:
        UsageError: One comes twice (``request.twice``).
        FieldsInvalid: One is unknown or has a value that is not accepted (``request.parameters``).
    """
    given: dict[str, str] = {}
    for name, value in request.args.items(multi=True):
        if name in given:
            raise UsageError(f"the parameter '{name[:40]}' comes twice", "Send it once.", code="request.twice")
        given[name] = value
    try:
        return shape.model_validate_strings(given)
    except ValidationError as error:
        faults = [(_name(fault), _sentence(fault)) for fault in _faults(error)]
        raise FieldsInvalid(faults, "request.parameters") from None


def read_fields(content: bytes, shape: type[_B]) -> _B:
    """Read a JSON body.

    Raises:
        BodyInvalid: It is not JSON, has a name twice, a number that is not finite, or is nested too deep.
        FieldsInvalid: It is JSON of another shape.
    """
    read_json(content, strict=True)
    try:
        return shape.model_validate_json(content.removeprefix(_BOM))
    except ValidationError as error:
        raise FieldsInvalid([(_pointer(fault), _sentence(fault)) for fault in _faults(error)]) from None


def read_raw(request: Request, limit: int) -> bytes:
    """Return the bytes of a body that is sent as JSON.

    Raises:
        MediaTypeRefused: It is sent as something else.
        BodyInvalid: There is none, or it is too long (``request.too_large``).
    """
    if request.mimetype != JSON:
        raise MediaTypeRefused(
            "the body has a type that is not read here", f"Send {JSON}, with this field: Content-Type: {JSON}."
        )
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise MediaTypeRefused("the body has a content coding that is not read here", "Send it plain.")
    content = request.get_data(cache=False)
    if not content:
        raise BodyInvalid("the body is empty", "Send a JSON object.", code="request.json")
    if len(content) > limit:
        raise BodyInvalid(f"the body has more than {limit} bytes", "Send less.", code="request.too_large")
    return content


def assert_empty(request: Request) -> None:
    """Refuse a body where none is read: its sender expects something of it.

    Raises:
        UsageError: There is one (``request.body``).
    """
    if request.get_data(cache=False).strip() not in (b"", b"{}"):
        raise UsageError("this address reads no body", "Leave it out.", code="request.body")


def _faults(error: ValidationError) -> Iterator[ErrorDetails]:
    yield from error.errors(include_input=False, include_url=False, include_context=False)[:_MOST_FAULTS]


def _pointer(fault: ErrorDetails) -> str:
    return "".join(f"/{str(part)[:64].replace('~', '~0').replace('/', '~1')}" for part in fault["loc"])


def _name(fault: ErrorDetails) -> str:
    return str(fault["loc"][0])[:64] if fault["loc"] else ""


def _sentence(fault: ErrorDetails) -> str:
    said = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return _SENTENCES.get(fault["type"], f"is not accepted: {said}")
