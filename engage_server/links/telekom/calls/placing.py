"""Puts the M2MApiKey and the sender ID where a setting says. The document demands both and does not say where."""

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from engage_server.errors import Conflict, UsageError
from engage_server.links.telekom.messages.names import HEADER

_IN_BODY = "Body/*/"
_IN_HEADER = "Header/"


def parse_arguments(given: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of an operation.

    Args:
        given: ``name=value`` each. ``outer.inner=value`` is an element in another. A name that is repeated is a list.

    Raises:
        UsageError: One is something else.
    """
    found: dict[str, Any] = {}
    for each in given:
        path, sign, value = each.partition("=")
        steps = path.split(".")
        if not sign or not all(steps):
            raise UsageError(f"{each[:60]!r} is no parameter", "Write each as name=value.")
        _put(found, steps, value)
    return found


def with_secret(arguments: Mapping[str, Any], path: str, text: str) -> dict[str, Any]:
    """Return the parameters, with a secret as one of them. Unchanged if the path leads into the Header.

    Args:
        arguments: The parameters.
        path: Such as ``Body/*/M2MApiKey``.
        text: The secret.

    Raises:
        Conflict: There is such a parameter already.
    """
    if not path.startswith(_IN_BODY):
        return dict(arguments)
    steps = path.removeprefix(_IN_BODY).split("/")
    found = _copied(arguments)
    if _holds(found, steps):
        raise Conflict(f"the parameter {'.'.join(steps)} is given twice", "Leave it out: its secret file holds it.")
    _put(found, steps, text)
    return found


def put_into_header(root: etree._Element, path: str, text: str) -> None:
    """Put a secret into the Header. Nothing happens if the path leads into the Body.

    Args:
        root: The Envelope. It is changed.
        path: Such as ``Header/{urn:example}Sender/Id``. All its elements have the namespace of the first.
        text: The secret.
    """
    if not path.startswith(_IN_HEADER):
        return
    namespace, _, steps = path.removeprefix(_IN_HEADER).partition("}")
    place = root.find(HEADER)
    if place is None:
        place = etree.Element(HEADER)
        root.insert(0, place)
    for step in steps.split("/"):
        tag = f"{namespace}}}{step}"
        found = place.find(tag)
        place = etree.SubElement(place, tag) if found is None else found
    place.text = text


def _put(found: dict[str, Any], steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        inner = found.setdefault(step, {})
        if not isinstance(inner, dict):
            raise UsageError(f"the parameter {step} has a value and parameters", "Give one of them.")
        found = inner
    name = steps[-1]
    if isinstance(found.get(name), dict):
        raise UsageError(f"the parameter {name} has a value and parameters", "Give one of them.")
    before = found.get(name)
    found[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]


def _holds(found: Mapping[str, Any], steps: list[str]) -> bool:
    inner = found.get(steps[0])
    return inner is not None and (len(steps) == 1 or (isinstance(inner, dict) and _holds(inner, steps[1:])))


def _copied(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in arguments.items()}
