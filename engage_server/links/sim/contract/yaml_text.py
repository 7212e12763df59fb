"""Reads YAML as OpenAPI wants it: what JSON could say, and no more. ``NO`` is a word, and a date is a text."""

import math
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

_TAGS_OF_MANY = frozenset((_TAG + "map", _TAG + "seq"))


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
        _assert_plain(content, max_depth)
        return _as_json(yaml.load(content, Loader=_Loader), max_depth, {})  # noqa: S506  # a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise ValueError(f"it is not YAML{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise ValueError(str(error) if isinstance(error, _NotPlain) else "it is not YAML") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


class _NotPlain(ValueError):
    """The values are nested deeper than is allowed, contain themselves, or are none that JSON has."""


def _assert_plain(content: bytes, max_depth: int) -> None:
    """Look at levels and tags before anything is made of them. The maker calls itself for each level, without a limit.

    Some tags make it repeat what an alias names: forty lines would be 2 ** 40 values.
    """
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > max_depth:
                raise _NotPlain("it is nested too deep")
            is_known = event.tag is None or event.tag in _TAGS_OF_MANY
        else:
            depth -= isinstance(event, yaml.CollectionEndEvent)
            is_known = not isinstance(event, yaml.ScalarEvent) or event.tag is None or _is_of(event.tag, event.value)
        if not is_known:
            raise _NotPlain(f"line {event.start_mark.line + 1} has a tag, and what it makes is none of JSON's values")


def _is_of(tag: str, text: str) -> bool:
    """Whether a tag of a single value is one of the core schema, and the value is one that the tag allows."""
    patterns = {_TAG + name: pattern for name, pattern, _ in _WORDS}
    return tag == _TAG + "str" or (tag in patterns and re.fullmatch(patterns[tag], text) is not None)


def _as_json(value: Any, left: int, seen: dict[int, Any]) -> Any:
    """Texts as names. What an alias repeats is walked once, so a file cannot grow as it is read."""
    if isinstance(value, float) and not math.isfinite(value):
        raise _NotPlain("it has a number that is too large")
    if not isinstance(value, Mapping | list):
        return value
    if left <= 0:
        raise _NotPlain("it is nested too deep")
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
