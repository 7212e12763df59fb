"""What a setting's value must be, and how it is read.

A value that has the right type already, as in a settings file, is used unchanged. So is a text of digits: the
environment has texts only. Any other value goes to pydantic. Importing it takes longer than most commands run, so it
is imported only when such a value exists. A test proves that both ways read the same. Errors are worded here, not by
pydantic.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from engage_server.errors import HostInvalid
from engage_server.records import Host, IPNetwork, read_network

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest number that a value may be.

    Attributes:
        ge: At least this.
        gt: More than this.
        le: At most this.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None

    def hold(self, value: float) -> bool:
        """Whether the value is within the bounds. NaN never is, if there is a bound."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
        )


class SecretText:
    """A text that may hold a password. No print, log line or traceback shows it.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text. Reviewers should check every call."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, SecretText) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "SecretText(***)"


class ValueRefused(Exception):
    """A value that cannot be used.

    Args:
        reasons: What is wrong, without the value.
    """

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


NOT_TAKEN = object()
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::00)?")
_NO_BOUNDS = Bounds()
_NETWORKS = tuple[IPNetwork, ...]
_HOSTS = tuple[Host, ...]
_WORDS = tuple[str, ...]
_DIGITS = re.compile("[0-9]{1,18}")
_SHOWN_WHOLE = 100_000  # Python's short form shows larger numbers with an exponent


def value_of(kind: Any, value: object) -> Any:
    """Read a setting's value from a settings file, the environment or an option.

    Args:
        kind: The setting's annotation in the table.
        value: What was given.

    Raises:
        ValueRefused: The value does not fit the setting.
    """
    taken = taken_as_it_is(kind, value)
    return read_by_pydantic(kind, value) if taken is NOT_TAKEN else taken


def taken_as_it_is(kind: Any, value: object) -> Any:
    """Return the value if it has the right type and is within the bounds, else NOT_TAKEN. Nothing is rejected here."""
    plain, bounds = _parts(kind)
    match value:
        case bool():  # before the numbers: in Python, bool is an int
            return value if plain is bool else NOT_TAKEN
        case int() if plain is int and bounds.hold(value):
            return value
        case int() | float() if plain is float and bounds.hold(value):
            return float(value)
        case str() if plain is int and _DIGITS.fullmatch(value):  # from the environment, which has texts only
            return int(value) if bounds.hold(int(value)) else NOT_TAKEN
        case str():
            return _text_as_it_is(plain, value)
        case list() if plain in _LISTS:
            return _list_as_it_is(plain, value)
    return NOT_TAKEN


def _text_as_it_is(plain: Any, value: str) -> Any:
    if plain is str or (get_origin(plain) is Literal and value in get_args(plain)):
        return value
    if plain is SecretText:
        return SecretText(value)
    if plain is Path:
        return Path(value)
    return _list_as_it_is(plain, value) if plain in _LISTS else NOT_TAKEN


def _list_as_it_is(plain: Any, value: object) -> Any:
    try:
        return _LISTS[plain].read(value)
    except ValueError:
        return NOT_TAKEN


def read_by_pydantic(kind: Any, value: object) -> Any:
    """Read any value, of the right type or not.

    Raises:
        ValueRefused: The value does not fit the setting.
    """
    from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

    plain, bounds = _parts(kind)
    wanted: Any = str if plain is SecretText else plain
    if plain in _LISTS:
        wanted = Annotated[plain, BeforeValidator(_LISTS[plain].read)]
    elif bounds is not _NO_BOUNDS:
        wanted = Annotated[plain, Field(ge=bounds.ge, gt=bounds.gt, le=bounds.le)]
    try:
        if isinstance(value, bool) and plain is not bool:  # pydantic would read it as 1 or 0
            raise ValueRefused([_wish(plain, bounds)])
        read = TypeAdapter(wanted).validate_python(value)
    except ValidationError as error:
        raise ValueRefused([_wish(plain, bounds) + _detail(plain, error)]) from None
    return SecretText(read) if plain is SecretText else read


def _wish(plain: Any, bounds: Bounds) -> str:
    """Say what the value must be."""
    if plain in (int, float):
        return f"it must be a {'whole number' if plain is int else 'number'}{_between(bounds)}"
    if get_origin(plain) is Literal:
        return f"it must be {' or '.join(map(str, get_args(plain)))}"
    if plain in _LISTS:
        return _LISTS[plain].wish
    return {bool: "it must be true or false", Path: "it must be a path"}.get(plain, "it must be text")


def _between(bounds: Bounds) -> str:
    parts = (("of at least", bounds.ge), ("above", bounds.gt), ("at most", bounds.le))
    told = [f"{word} {_shown(limit)}" for word, limit in parts if limit is not None]
    return f" {' and '.join(told)}" if told else ""


def _shown(limit: float) -> str:
    return f"{limit:g}" if limit < _SHOWN_WHOLE else f"{limit:.0f}"


def _detail(plain: Any, error: "ValidationError") -> str:
    """Name the one entry of a list that cannot be read: there may be many entries."""
    first = error.errors(include_input=False, include_url=False)[0]
    cause = first.get("ctx", {}).get("error") if plain in _LISTS else None
    return f": {cause}" if cause else ""


def _parts(kind: Any) -> tuple[Any, Bounds]:
    """Return the type and its bounds. Whether a setting is optional (``| None``) does not matter here."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is not Annotated:
        return kind, _NO_BOUNDS
    plain, bounds = get_args(kind)
    return plain, bounds


def _entries(value: object) -> list[str] | None:
    """Return the entries of a list, or of a text with commas. None for anything else."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return None
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("an entry is not text")
    return [text for part in parts if (text := part.strip())]


def _read_networks(value: object) -> object:
    entries = _entries(value)
    return value if entries is None else tuple(read_network(each) for each in entries)


def _read_hosts(value: object) -> object:
    entries = _entries(value)
    if entries is None:
        return value
    if not entries:
        raise ValueError("it names none")
    try:
        return tuple(Host.parse(each) for each in entries)
    except HostInvalid as error:
        raise ValueError(error.sentence) from None


def _read_time_of_day(value: object) -> object:
    text = value.isoformat() if isinstance(value, time) else value  # a settings file may have a time without quotes
    if not isinstance(text, str) or _TIME_OF_DAY.fullmatch(text) is None:
        raise ValueError("hours and minutes, with a colon between them")
    return time.fromisoformat(text)


def _read_words(value: object) -> object:
    """Split a text into words as a shell does, without running one. A list is used as it is."""
    words = shlex.split(value) if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        return value
    if not all(isinstance(word, str) for word in words):
        raise ValueError("an entry is not text")
    if words and not words[0]:
        raise ValueError("its first word is empty")
    return tuple(words)


def command_under(folder: Path, words: tuple[str, ...]) -> tuple[str, ...]:
    """Resolve the first word if it is a relative path, as other paths are. A bare name is looked up in ``PATH``."""
    return (str(folder / words[0]), *words[1:]) if words and "/" in words[0] else words


@dataclass(frozen=True, slots=True)
class _List:
    """A setting that is a list, or another value that is read from a text.

    Attributes:
        read: Returns the list, or the value itself if it is none. Raises ValueError for an entry that cannot be read.
        wish: What the value must be.
    """

    read: Callable[[object], object]
    wish: str


_LISTS: dict[Any, _List] = {
    _NETWORKS: _List(_read_networks, "it must be a list of networks such as 10.0.0.0/8"),
    time: _List(_read_time_of_day, 'it must be a time of day such as "02:30"'),
    _WORDS: _List(_read_words, 'it must be a list of words, such as ["pass", "show", "engage"]'),
    _HOSTS: _List(_read_hosts, "it must be a list of names and addresses without ports, such as localhost"),
}
