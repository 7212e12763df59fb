"""A group of commands that imports one of them only when it is called: help and checks start at once."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """Looks its commands up in a table.

    Args:
        table: For each name the module in this package, and the command's name there.
        settings: As of any group.
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
        command = getattr(importlib.import_module(f"engage_server.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # the table names commands only
        return command
