"""The parameters in the paths of pages: those of the API, and the identity of a door, which may be an address."""

import ipaddress
import re
from collections.abc import Callable, Mapping

from engage_server.errors import NotFound
from engage_server.protocol.serial_number import decode_serial
from engage_server.web.api.path_parameters import PATH_PARAMETERS

_IN_BRACES = re.compile(r"{(\w+)}")
_IDENTITY = r"[0-9A-Fa-f]{32}|[0-9A-Fa-f.:]{2,45}"


def _identity(text: str) -> str:
    serial = decode_serial(text)
    if serial is not None:
        return serial
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _nothing_there() from None


PARAMETERS: Mapping[str, tuple[str, Callable[[str], str | int]]] = {
    "site": (PATH_PARAMETERS["site"].pattern, PATH_PARAMETERS["site"].read),
    "number": (PATH_PARAMETERS["number"].pattern, PATH_PARAMETERS["number"].read),
    "door": (_IDENTITY, _identity),
}
"""For each name: the whole text that it may be, and what reads it."""


def flask_rule(path: str) -> str:
    """The same path as Flask writes it."""
    return _IN_BRACES.sub(lambda found: f"<{'number:' if found[1] == 'number' else ''}{found[1]}>", path)


def read_path(values: Mapping[str, str]) -> dict[str, str | int]:
    """Read the parameters of a path.

    Raises:
        NotFound: One has another form, so there is no such page (``address.not_found``).
    """
    for name, value in values.items():
        if re.fullmatch(PARAMETERS[name][0], value, re.ASCII) is None:
            raise _nothing_there()
    return {name: PARAMETERS[name][1](value) for name, value in values.items()}


def filled(path: str, values: Mapping[str, str | int]) -> str:
    """A path with its parameters filled in."""
    return _IN_BRACES.sub(lambda found: str(values[found[1]]), path)


def _nothing_there() -> NotFound:
    return NotFound("there is no page at this address", "Check the address.", code="address.not_found")
