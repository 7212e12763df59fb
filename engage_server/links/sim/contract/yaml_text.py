"""Reads YAML as OpenAPI wants it: what JSON could say, and no more. ``NO`` is a word, and a date is a text."""

import re
from collections.abc import Mapping
from typing import Any

from engage_server.errors import NotInstalled

try:
    import yaml
except ModuleNotFoundError as error:
    raise NotInstalled(
        f"a contract in YAML needs {error.name}, which is not installed here",
        "pip install 'engage-server[sim] @ PATH_OR_URL_OF_THE_REPOSITORY', or get the contract as JSON",
    ) from None

_TAG = "tag:yaml.org,2002:"
# the core schema of YAML 1.2; PyYAML's own rules are those of 1.1, where NO is false and 1:30 is ninety
_WORDS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
)


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]  # the package has no types
    """Makes nothing but objects, lists, texts, numbers, true, false and null."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _name, _pattern, _first in _WORDS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), list(_first))


def read_yaml(content: bytes, max_depth: int) -> Any:
    """Read one YAML document. Names of objects are texts, also where YAML reads a number, such as ``200:``.

    Args:
        content: UTF-8.
        max_depth: How deep values may be nested.

    Raises:
        ValueError: It is not YAML, or nested too deep. The text says where, and never quotes the content.
    """
    try:
        _assert_depth(content, max_depth)
        return _as_json(yaml.load(content, Loader=_Loader), max_depth, {})  # noqa: S506  # a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"it is not YAML{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise ValueError(str(error) if isinstance(error, _TooDeep) else "it is not YAML") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


class _TooDeep(ValueError):
    """The values are nested deeper than is allowed, or contain themselves."""


def _assert_depth(content: bytes, max_depth: int) -> None:
    """Count levels before anything is made of them. The maker calls itself for each level, without a limit."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > max_depth:
                raise _TooDeep("it is nested too deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _as_json(value: Any, left: int, seen: dict[int, Any]) -> Any:
    """Texts as names. What an alias repeats is walked once, so a file cannot grow as it is read."""
    if not isinstance(value, Mapping | list):
        return value
    if left <= 0:
        raise _TooDeep("it is nested too deep")
    if id(value) not in seen:
        if isinstance(value, list):
            seen[id(value)] = [_as_json(each, left - 1, seen) for each in value]
        else:
            seen[id(value)] = {_name_of(name): _as_json(each, left - 1, seen) for name, each in value.items()}
    return seen[id(value)]


def _name_of(name: object) -> str:
    if name is None or isinstance(name, bool):
        return str(name).lower().replace("none", "null")
    return str(name)
