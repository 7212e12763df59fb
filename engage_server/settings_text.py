"""The settings as people see them: a file that changes nothing, and a value without its password."""

import json
import re
import textwrap

from engage_server.setting_values import SecretText
from engage_server.settings import Settings, table_of_settings

_PLAIN = (bool, int, float, tuple)


def settings_template() -> str:
    """Return a settings file that changes nothing: every setting with its meaning and default, commented out."""
    lines = ["# Settings of engage-server. Each line shows a default.", "# To change it, remove its #.", ""]
    for row in table_of_settings():
        lines += textwrap.wrap(row.description, 80, initial_indent="# ", subsequent_indent="# ")
        lines += [f"#{row.name} = {_toml(row.default)}", ""]
    return "\n".join(lines)


def settings_without_passwords(settings: Settings) -> str:
    """Return a settings file with every setting that is not at its default, for a copy that may get into other hands.

    Args:
        settings: The settings. Their paths are absolute.
    """
    lines = ["# Settings of engage-server, as they were when the backup was made. Paths are those of that machine.", ""]
    for row in table_of_settings():
        value = getattr(settings, row.name)
        if value == row.default or value is None:
            continue
        if isinstance(value, SecretText) and value.reveal() != shown_value(value):
            lines.append("# Its password is not in the backup: put it in place of ***.")
        lines.append(f"{row.name} = {_toml(value if isinstance(value, _PLAIN) else shown_value(value))}")
    return "\n".join(lines) + "\n"


def shown_value(value: object) -> str:
    """Return a setting's value as people may see it: without a password."""
    if isinstance(value, SecretText):
        without = re.sub(r"(://[^:/@]*:).*@", r"\1***@", value.reveal())
        return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", without)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return json.dumps([str(each) for each in value])
    return json.dumps(shown_value(value))
