"""Settings of ``engage chain check``, for the chains of one repository.

``[check]`` in ``engage.toml``, or ``[tool.engage-server.check]`` in ``pyproject.toml``. The table of the installation's
settings is not read for it: a check needs no installation, and starts at once.
"""

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engage_server.checks.selection import Selection
from engage_server.cli.parameters import MOST_DAYS, profile_of
from engage_server.cli.session import Session
from engage_server.errors import SettingsInvalid, UsageError
from engage_server.records import Host
from engage_server.variables import CONFIG_VARIABLE

_OURS, _PROJECTS = "engage.toml", "pyproject.toml"
_PLACES = {_OURS: ("check",), _PROJECTS: ("tool", "engage-server", "check")}


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """What the file sets. An option overrides it.

    Attributes:
        hosts: As ``--host``.
        profile: As ``--profile``: a name, or a file relative to the settings file.
        anchor: As ``--anchor``, relative to the settings file.
        warn_days: As ``--warn-days``.
        strict: As ``--strict``.
        ignore: As ``--ignore``.
        select: As ``--select``.
    """

    hosts: tuple[Host, ...] = ()
    profile: str | None = None
    anchor: Path | None = None
    warn_days: int | None = None
    strict: bool | None = None
    ignore: tuple[str, ...] = ()
    select: tuple[str, ...] = ()


_LISTS = {"hosts", "ignore", "select"}
_KINDS: Mapping[str, tuple[type, str]] = {
    "profile": (str, "a text"),
    "anchor": (str, "a text: the name of a file"),
    "warn_days": (int, f"a whole number up to {MOST_DAYS}"),
    "strict": (bool, "true or false"),
}


def check_settings(session: Session) -> CheckSettings:
    """The settings of checks in this folder; the file that was named, else engage.toml, else pyproject.toml.

    Raises:
        SettingsInvalid: The file is not TOML, or a check has no such setting.
        UsageError: A code, a host or a profile is unknown or invalid. The sentence names the file.
    """
    named = session.config or session.environment.get(CONFIG_VARIABLE)
    for file in [session.folder / named] if named else [session.folder / _OURS, session.folder / _PROJECTS]:
        if named or file.is_file():
            table = _table(file)
            if table is not None:
                return _read(file, table)
    return CheckSettings()


def _table(file: Path) -> Mapping[str, Any] | None:
    import tomllib  # only where there is a file

    try:
        found: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"{file}: {error.strerror}", "Name an existing settings file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{file} is not TOML: {error}", "Write each setting as: name = value") from None
    for name in _PLACES.get(file.name, _PLACES[_OURS]):
        found = found.get(name) if isinstance(found, dict) else None
    if found is not None and not isinstance(found, dict):
        raise SettingsInvalid(f"{file}: check is not a table", "Write [check], and its settings below.")
    return found


def _read(file: Path, table: Mapping[str, Any]) -> CheckSettings:
    known = [each.name for each in fields(CheckSettings)]
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise SettingsInvalid(f"{file}: a check has no setting {name}.{hint}", f"It has: {', '.join(known)}.")
        values[name] = _list(file, name, value) if name in _LISTS else _single(file, name, value)
        with _naming(file, name):
            values[name] = _used(file.parent, name, values[name])
    return CheckSettings(**values)


def _used(folder: Path, name: str, value: Any) -> Any:
    """A value as the check uses it. One that is wrong is refused here, where the file is known."""
    match name:
        case "hosts":
            return tuple(Host.parse(text) for text in value)
        case "anchor":
            return folder / value
        case "profile":
            named = str(folder / value) if (folder / value).is_file() else value
            profile_of(named)
            return named
        case "ignore" | "select":
            Selection.of(value if name == "ignore" else (), value if name == "select" else ())
    return value


@contextmanager
def _naming(file: Path, name: str) -> Iterator[None]:
    """Let an error say in which file, and under which name, the value stands."""
    try:
        yield
    except UsageError as error:
        raise type(error)(f"{file}: {name}: {error.sentence}", error.next_step, code=error.code) from None


def _list(file: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsInvalid(f'{file}: {name} must be a list of texts, such as ["..."]', "Put it in brackets.")
    return tuple(value)


def _single(file: Path, name: str, value: object) -> object:
    kind, words = _KINDS[name]
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value not in range(MOST_DAYS + 1))):
        raise SettingsInvalid(f"{file}: {name} must be {words}", "Correct it and run the command again.")
    return value
