"""Groups of commands: listed in the order in which people need them, imported when they are called."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from engage_server.cli.process.asking import AskingCommand


class OrderedGroup(click.Group):
    """Lists its commands in the order of need. A command that is made in it must name its acts.

    Args:
        order: The names of all its commands.
        settings: As for any group.
    """

    command_class = AskingCommand

    def __init__(self, *, order: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self._order = tuple(order)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names; a command that the order does not name stands at the end."""
        return [*self._order, *(name for name in self.commands if name not in self._order)]


class LazyGroup(click.Group):
    """Looks its commands up in a table, and imports one when it is called. Lists them in the order of the table.

    Args:
        table: For each name the module, and the command's name there. A module of this package goes without its name.
        settings: As for any group.
    """

    def __init__(self, *, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in self._table:
            return None
        module, attribute = self._table[name]
        command = getattr(importlib.import_module(_whole_name(module)), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table names commands only
        return command

    def line_of_help(self, name: str) -> str | None:
        """The first line of a command's help, if that is known without importing the command."""
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Names of commands, without importing any of them, and options."""
        found = [
            CompletionItem(name, help=self.line_of_help(name)) for name in self._table if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As any group; a name that does not exist is compared with those of the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click looks in its own list, which is empty here
            raise click.NoSuchCommand(error.command_name, possibilities=self._table, ctx=ctx) from None


def _whole_name(module: str) -> str:
    """The name to import. The links are named whole: they are no part of this package, and it never imports them."""
    return module if module.startswith("engage_server.") else f"engage_server.cli.{module}"
