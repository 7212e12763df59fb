"""Reads a table of a TOML file into a frozen dataclass, strictly: an unknown key stops the start."""

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from engage_server.errors import FileNotUsable, SettingsInvalid
from engage_server.files.reading import read_file
from engage_server.records import IPNetwork, read_network

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Table = TypeVar("_Table", bound="DataclassInstance")
_NETWORK = frozenset(get_args(IPNetwork))
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Where:
    """Where a table stands, for errors and for relative paths.

    Attributes:
        file: The file, absolute. Relative paths in it are relative to its folder.
        table: As TOML spells it, without the brackets: ``links.depot-kpn``. "" is the whole file.
    """

    file: Path
    table: str = ""

    def below(self, name: str) -> "Where":
        """Return the place of a table in this one."""
        shown = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
        return Where(self.file, f"{self.table}.{shown}" if self.table else shown)

    def refused(self, what: str, fix: str, key: str = "") -> SettingsInvalid:
        """Return the error that stops the start.

        Args:
            what: What is wrong. Never a secret.
            fix: What the operator should do.
            key: The key whose value is wrong, if it is one.
        """
        place = f"{self.file}: [{self.table}]" if self.table else str(self.file)
        return SettingsInvalid(f"{place}: {key}: {what}" if key else f"{place}: {what}", fix)


@dataclass(frozen=True, slots=True)
class Matching:
    """A text must match this pattern as a whole: ``Annotated[str, Matching(...)]``.

    Attributes:
        pattern: A regular expression.
        wish: What the text must be, for people: ``it must be ...`` precedes it.
    """

    pattern: str
    wish: str

    def complaint(self, value: object) -> str:
        """Say what is wrong. "" if nothing is."""
        return "" if re.fullmatch(self.pattern, str(value), re.ASCII) else f"it must be {self.wish}"


@dataclass(frozen=True, slots=True)
class Between:
    """A number must be within these bounds: ``Annotated[int, Between(1, 65535)]``."""

    lowest: float
    highest: float

    def complaint(self, value: float) -> str:
        """Say what is wrong. "" if nothing is."""
        inside = self.lowest <= value <= self.highest
        return "" if inside else f"it must be a number from {self.lowest:g} to {self.highest:g}"


def parsed_toml(where: Where, setting: str, page: str) -> Mapping[str, object]:
    """Return the whole file as :mod:`tomllib` reads it.

    Args:
        where: The file.
        setting: The setting that names it, for the error.
        page: A sentence that says where an example is.

    Raises:
        SettingsInvalid: It is missing, cannot be read, is too long, or is not TOML.
    """
    try:
        return tomllib.loads(read_file(where.file, limit=_MAX_FILE_BYTES).decode())
    except FileNotUsable as error:
        what = error.sentence.partition(": ")[2] or error.sentence
        raise where.refused(what, f"Write the file, or name another: {setting}. {page}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise where.refused(f"it is not TOML: {error}", f"Correct the line. {page}") from None


def read_table(cls: type[_Table], mapping: Mapping[str, object], where: Where) -> _Table:
    """Read one table.

    The types of the fields say what a value must be:

    * ``str`` (never empty), ``int``, ``float``, ``bool``, ``Path``, ``IPNetwork``, ``Literal``; also with ``| None``;
    * ``tuple[X, ...]`` for a list, and ``Mapping[str, X]`` or a dataclass for a table;
    * ``object`` for a value that the caller reads.

    Args:
        cls: A frozen dataclass. Each field is a key. A field without a default must be there.
        mapping: The table, as :mod:`tomllib` reads it.
        where: Where it stands.

    Raises:
        SettingsInvalid: A key is unknown, missing or has a wrong value. Values are never repeated: one may be a secret
            that somebody put in the wrong place.
    """
    fields = dataclasses.fields(cls)
    known = [field.name for field in fields]
    for key in mapping:
        if key not in known:
            raise where.refused(
                f"there is no key {key}.{did_you_mean(key, known)}", f"Remove it. The keys here are {', '.join(known)}."
            )
    hints = get_type_hints(cls, include_extras=True)
    read: dict[str, Any] = {}
    for field in fields:
        if field.name in mapping:
            read[field.name] = _value(hints[field.name], mapping[field.name], where, field.name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise where.refused(f"the key {field.name} is missing", f"Add a line: {field.name} = ...")
    return cls(**read)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at the known word that is nearest, or ""."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _value(kind: Any, value: object, where: Where, key: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        rest = [part for part in parts if part is not NoneType]
        return _network(value, where, key) if set(rest) == _NETWORK else _value(rest[0], value, where, key)
    if origin is Annotated:
        read = _value(parts[0], value, where, key)
        for rule in parts[1:]:
            if complaint := rule.complaint(read):
                raise _wrong(where, key, complaint)
        return read
    if origin is Literal:
        return _one_of(parts, value, where, key)
    if origin is tuple:
        return tuple(_value(parts[0], each, where, key) for each in _list(value, where, key))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return read_table(kind, _table(value, where, key), where.below(key))
    if origin is not None:
        table = _table(value, where, key)
        return {name: _value(parts[1], each, where.below(key), name) for name, each in table.items()}
    return _SIMPLE[kind](value, where, key)


def _wrong(where: Where, key: str, complaint: str) -> SettingsInvalid:
    return where.refused(complaint, f"Correct the value of {key}.", key)


def _one_of(choices: tuple[Any, ...], value: object, where: Where, key: str) -> Any:
    if value in choices and isinstance(value, type(choices[0])):
        return value
    listed = ", ".join(map(str, choices))
    raise where.refused(f"it must be one of: {listed}.{_nearest(value, choices)}", f"Choose one of: {listed}.", key)


def _nearest(value: object, choices: tuple[Any, ...]) -> str:
    return did_you_mean(value, map(str, choices)) if isinstance(value, str) else ""


def _list(value: object, where: Where, key: str) -> list[object]:
    if isinstance(value, list):
        return value
    raise where.refused("it must be a list", f"Write it with brackets: {key} = [...]", key)


def _table(value: object, where: Where, key: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise where.refused("it must be a table", f"Write it as [{where.below(key).table}], or {key} = {{ ... }}", key)


def _text(value: object, where: Where, key: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise where.refused("it must be text that is not empty", f'Write it in quotes: {key} = "..."', key)


def _path(value: object, where: Where, key: str) -> Path:
    text = _text(value, where, key)
    if "\0" in text:
        raise _wrong(where, key, "it must be a path")
    return where.file.parent / text


def _network(value: object, where: Where, key: str) -> IPNetwork:
    try:
        return read_network(_text(value, where, key))
    except ValueError:
        raise where.refused(
            "it must be a network without host bits", "Write it such as 10.151.0.0/16 or 2001:db8::/32.", key
        ) from None


def _whole_number(value: object, where: Where, key: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(where, key, "it must be a whole number")


def _number(value: object, where: Where, key: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _wrong(where, key, "it must be a number")


def _truth(value: object, where: Where, key: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(where, key, "it must be true or false")


_SIMPLE: dict[Any, Callable[[object, Where, str], Any]] = {
    str: _text,
    Path: _path,
    int: _whole_number,
    float: _number,
    bool: _truth,
    object: lambda value, where, key: value,
}
