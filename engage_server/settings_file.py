"""Finds the settings file, and reads it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engage_server.errors import SettingsInvalid
from engage_server.variables import CONFIG_VARIABLE, SYSTEM_CONFIG_VARIABLE

SETTINGS_FILE = "engage.toml"
SYSTEM_FILE = Path("/etc/engage-server/engage.toml")

# Tables in the same file that other code reads: 'engage chain check' reads [check].
_TABLES_OF_OTHERS = ("check",)


def settings_file(option: Path | None, environment: Mapping[str, str], folder: Path) -> tuple[Path, bool]:
    """Find the settings file, and say whether the caller or the environment named it: then it must exist.

    The order: ``--config``, ``ENGAGE_CONFIG``, ``engage.toml`` in the current folder, the system's file. If none
    exists, the path in the current folder is returned.
    """
    named = option or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named:
        return folder / named, True
    here, system = folder / SETTINGS_FILE, _system_file(environment)
    return (here if system is None or is_there(here) or not is_there(system) else system), False


def _system_file(environment: Mapping[str, str]) -> Path | None:
    text = environment.get(SYSTEM_CONFIG_VARIABLE)
    return SYSTEM_FILE if text is None else Path(text) if text else None


def is_there(file: Path) -> bool:
    """Whether the file exists, even if this user may not read it: never use another installation in its place."""
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def read_settings_file(file: Path) -> dict[str, Any]:
    """Return what a settings file says, without the tables that other code reads.

    Raises:
        SettingsInvalid: It is missing, may not be read, or is not TOML.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except PermissionError as error:
        raise SettingsInvalid(
            f"{file}: {error.strerror}",
            "Run this as the file's owner, such as root. Or name another file: --config FILE.",
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            f"{file}: {error.strerror}", "Name an existing settings file, or make one with 'engage init'."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{file} is not TOML: {error}", "Write each setting as: name = value") from None
    return {name: value for name, value in found.items() if name not in _TABLES_OF_OTHERS}
