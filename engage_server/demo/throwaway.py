"""Makes the empty installation of a demonstration, and refuses whatever could be another installation."""

from collections.abc import Mapping
from pathlib import Path

from engage_server.errors import Conflict, FileNotUsable, SettingsInvalid
from engage_server.files import PUBLIC_MODE, make_folder, write_new_file
from engage_server.settings import DATABASE_FILE, ENVIRONMENT_PREFIX, Settings, load_settings
from engage_server.settings_text import settings_template
from engage_server.variables import CONFIG_VARIABLE, SYSTEM_CONFIG_VARIABLE

SETTINGS_FILE = "engage.toml"
_HARMLESS = frozenset({CONFIG_VARIABLE, SYSTEM_CONFIG_VARIABLE})  # the printed commands name their settings file
_SETTINGS = """\
# This is a demonstration. Its sites, doors and nights never were. Remove the whole folder when you have seen enough.

bind = "127.0.0.1"
http_port = 8081
https_port = 8444
operators_port = 8009

"""


def assert_alone(environment: Mapping[str, str]) -> None:
    """Refuse variables that would lead the commands on the demonstration to another installation.

    Raises:
        SettingsInvalid: The environment has settings.
    """
    given = sorted(each for each in environment if each.startswith(ENVIRONMENT_PREFIX) and each not in _HARMLESS)
    if given:
        raise SettingsInvalid(
            f"the environment sets {', '.join(given)}, which may belong to another installation",
            f"Unset it for the demonstration: unset {' '.join(given)}",
        )


def make_folder_and_settings(folder: Path) -> Settings:
    """Make the folder with its settings file. Nothing but that file decides where anything of it lies.

    Args:
        folder: Absolute. It must be new, or empty.

    Raises:
        Conflict: It has content, or lies in the data folder of an installation (``demo.not_empty``,
            ``demo.in_installation``).
        FileNotUsable: It cannot be made.
    """
    _assert_outside(folder)
    try:
        content = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise FileNotUsable(f"{folder}: {error.strerror}", "Name a new folder.") from None
    if content:
        raise Conflict(
            f"{folder} is not empty: it has {content[0]}, and a demonstration never touches what is there",
            "Name a new folder. Or remove that one, if it is an old demonstration.",
            code="demo.not_empty",
        )
    make_folder(folder)
    file = folder / SETTINGS_FILE
    write_new_file(file, (_SETTINGS + settings_template()).encode(), PUBLIC_MODE)
    return load_settings(file, {}, {}, folder)


def _assert_outside(folder: Path) -> None:
    for parent in folder.parents:
        if (parent / DATABASE_FILE).exists():
            raise Conflict(
                f"{folder} lies in {parent}, the data folder of an installation",
                "Name a new folder elsewhere.",
                code="demo.in_installation",
            )
