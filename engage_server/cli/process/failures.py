"""How a command that fails reports it: text for people, and JSON for a script that asked for it."""

import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import click

from engage_server.cli.output import colours_wanted, is_json_begun, print_json
from engage_server.cli.process.not_installed import not_installed
from engage_server.cli.program import pasteable, program
from engage_server.errors import EngageError, FileNotUsable, NotPossible, Stopped, UsageError
from engage_server.files import what_to_do

_NO_NUMBER = re.compile(r"is not a valid (integer|float)(?: range)?$")  # Click names its own type


def failure_of(error: BaseException) -> EngageError:
    """The same failure in the one form that all failures have.

    Args:
        error: What ended the command.

    Raises:
        BaseException: The same, when nobody foresaw it: that is a defect, and needs its traceback.
    """
    match error:
        case EngageError():
            return error
        case ModuleNotFoundError():
            return not_installed(error)
        case click.FileError():
            return FileNotUsable(f"{error.ui_filename}: {error.message}", "Name a file that this user may read.")
        case click.UsageError():
            return UsageError(_sentence(error), _next_step(error))
        case click.ClickException():
            return UsageError(_sentence(error))
        case click.Abort() | KeyboardInterrupt():
            return Stopped("stopped")
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            return NotPossible(f"{what}{error.strerror or error}", what_to_do(error))
    raise error


def report_failure(error: EngageError, arguments: Sequence[str]) -> None:
    """Print a failure on standard error, and as JSON on standard output where the command was to print JSON.

    Args:
        error: The failure.
        arguments: Of the command: they may be what is wrong, so that nobody has read them yet.
    """
    if wants_json(arguments) and not is_json_begun():
        from engage_server.as_json.errors import error_json

        with suppress(OSError):  # nobody reads it, or the disk is full: the text and the status still tell
            print_json(error_json(error))
            sys.stdout.flush()
    if isinstance(error, Stopped):
        click.echo(error.sentence, err=True)
        _print_next(error)
        return
    word = click.style("error", fg="red", bold=True)
    first, *rows = error.sentence.split("\n")
    sentence = "\n".join((first, *map(pasteable, rows)))  # a row may name the command that helps
    click.echo(f"{word} [{error.code}]: {sentence}", err=True, color=None if colours_wanted() else False)
    _print_next(error)


def _print_next(error: EngageError) -> None:
    if error.next_step:
        click.echo(f"next: {pasteable(error.next_step)}", err=True)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON: ``--json``, ``--format json`` or ``--format=json``."""
    options = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    return "--json" in options or "--format=json" in options or ("--format", "json") in pairwise(options)


def _sentence(error: click.ClickException) -> str:
    """Click's own message in our form: no capital letter, no full stop."""
    text = error.message if isinstance(error, click.NoSuchCommand | click.NoSuchOption) else error.format_message()
    text = text.replace("\n\t", " ").removesuffix(".")  # Click's own list of choices, one on each line
    text = _NO_NUMBER.sub(lambda found: f"is not a {'whole ' if found[1] == 'integer' else ''}number", text)
    return text[:1].lower() + text[1:]


def _next_step(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    path = error.ctx.command_path.replace("engage", program(), 1)
    close = error.possibilities if isinstance(error, click.NoSuchCommand | click.NoSuchOption) else None
    if close:
        return f"Did you mean {' or '.join(close)}? See {path} --help"
    found_with = getattr(error.param, "found_with", "") if isinstance(error, click.MissingParameter) else ""
    if found_with:
        return f"List what there is: {program()} {found_with}   Help: {path} --help"
    return f"{path} --help"
