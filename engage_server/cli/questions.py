"""Questions before something is done that cannot be undone."""

import sys

import click

from engage_server.errors import Refused


def assert_sure(question: str) -> None:
    """Ask whether the operator is sure.

    Args:
        question: What will happen, as a question.

    Raises:
        Refused: Nobody answered, because there is no terminal.
        click.Abort: The answer was no.
    """
    try:
        is_sure = click.confirm(question, err=True)
    except click.Abort:
        raise _unanswered() from None
    if not is_sure:
        raise click.Abort


def assert_named(name: str, what: str) -> None:
    """Ask the operator to type the name of what will be lost.

    Args:
        name: What must be typed.
        what: What will happen; it is printed before "type its name".

    Raises:
        Refused: Nobody answered, because there is no terminal.
        click.Abort: Another name was typed.
    """
    try:
        typed = click.prompt(f"{what}, type its name", err=True)
    except click.Abort:
        raise _unanswered() from None
    if typed != name:
        raise click.Abort


def _unanswered() -> Exception:
    """A person who ends the input ends the command. A script gets the option that answers."""
    click.echo("", err=True)
    if sys.stdin.isatty():
        return click.Abort()
    return Refused(
        "nobody answered, so nothing was changed",
        "To do it without a question, run the command again with --yes.",
        code="not_confirmed",
    )
