"""The parameters in paths: what each looks like, and how it is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engage_server.errors import NotFound
from engage_server.protocol.serial_number import decode_serial

_IN_BRACES = re.compile(r"{(\w+)}")
_SITE = r"[a-z0-9][a-z0-9_-]{0,62}"
NUMBER = r"[1-9][0-9]{0,8}"
_SERIAL = r"[0-9A-Fa-f]{32}"


@dataclass(frozen=True, slots=True)
class PathParameter:
    """One parameter.

    Attributes:
        pattern: The whole text that it may be.
        read: Makes its value of the text.
        schema: For the OpenAPI document.
        description: For the same.
    """

    pattern: str
    read: Callable[[str], str | int]
    schema: Mapping[str, Any]
    description: str


def _text(pattern: str, example: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{pattern}$", "examples": [example]}


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "site": PathParameter(_SITE, str, _text(_SITE, "main"), "The name of the site."),
    "number": PathParameter(
        NUMBER,
        int,
        {"type": "integer", "minimum": 1, "maximum": 999_999_999, "examples": [1]},
        "The number of the release or the rotation.",
    ),
    "serial": PathParameter(
        _SERIAL,
        lambda text: decode_serial(text) or "",
        _text(_SERIAL, "00112233445566778899AABBCCDDEEFF"),
        "The serial number of the device, as 32 hexadecimal digits.",
    ),
}


def names_in(path: str) -> list[str]:
    """The names of the parameters in a path."""
    return _IN_BRACES.findall(path)


def flask_rule(path: str) -> str:
    """The same path as Flask writes it. ``.../rollback`` is no number, so it has no methods of a number."""
    return _IN_BRACES.sub(lambda found: f"<{'number:' if found[1] == 'number' else ''}{found[1]}>", path)


def read_path(values: Mapping[str, str]) -> dict[str, str | int]:
    """Read the parameters of a request's path.

    Raises:
        NotFound: One has another form, so nothing can exist at this address (``address.not_found``).
    """
    for name, value in values.items():
        if re.fullmatch(PATH_PARAMETERS[name].pattern, value, re.ASCII) is None:
            raise NotFound(
                f"nothing exists at this address: it has no usable {name}", "Check the path.", code="address.not_found"
            )
    return {name: PATH_PARAMETERS[name].read(value) for name, value in values.items()}
