"""Makes the pages that are read off the code: docs/commands.md and docs/settings.md. ``scripts/fix`` writes them."""

from collections.abc import Iterator
from pathlib import Path

import click

from engage_server.cli.root import engage
from engage_server.settings import ENVIRONMENT_PREFIX, KEK_VARIABLE, Settings, shown_value

DOCS = Path(__file__).parents[2] / "docs"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    context = click.Context(engage, info_name="engage")
    for name in engage.list_commands(context):
        command = engage.get_command(context, name)
        if isinstance(command, click.Group):
            for below, subcommand in command.commands.items():
                yield f"engage {name} {below}", subcommand
        elif command is not None:
            yield f"engage {name}", command


def pages() -> dict[str, str]:
    """The content of each generated page, by file name."""
    return {"commands.md": _commands_page(), "settings.md": _settings_page()}


def _commands_page() -> str:
    parts = [
        "# Commands\n\nRead off the program; `scripts/fix` writes this page anew.\n\n"
        "Exit status: 0 fine; 1 the answer is no (a finding of severity error, a lock that would refuse); 2 wrong "
        "usage or settings; 3 could not be done (file, network, database).\n"
    ]
    for name, command in commands():
        context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"\n## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _settings_page() -> str:
    lines = [
        "# Settings\n",
        "Read off the program; `scripts/fix` writes this page anew.\n",
        "A value comes from a command-line option, else from the environment, else from `engage.toml` in the current",
        "folder (or `--config FILE`, or `ENGAGE_CONFIG`), else it is the default. Relative paths start at the settings",
        "file. A setting that is unknown, or has a value that can not be used, stops the start.\n",
        f"Secrets are no settings: the key-encryption key lies in a file of its own or in `{KEK_VARIABLE}`.\n",
        "| in engage.toml | in the environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = shown_value(field.default)
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{name}` | `{ENVIRONMENT_PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for file, content in pages().items():
        (DOCS / file).write_text(content)
