"""The ``engage`` command: parses, calls one service, prints the next step."""

import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

import click

from engage_server.cli.collector import collect_seldom
from engage_server.cli.not_installed import not_installed
from engage_server.cli.program import pasteable, remember_config
from engage_server.cli.root import engage
from engage_server.errors import EngageError, NotPossible, UsageError
from engage_server.files import what_to_do


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 fine, 1 the answer is no, 2 wrong usage or settings, 3 could not be done.

    Args:
        arguments: Without the program's name; None takes those of the process.
    """
    collect_seldom()
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    _prepare_streams()
    remember_config(None)  # until the options are read
    try:
        status = engage.main(arguments, prog_name="engage", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except EngageError as error:
        _tell(error)
        return error.exit_status
    except ModuleNotFoundError as error:
        missing = not_installed(error)
        _tell(missing)
        return missing.exit_status
    except click.FileError as error:
        error.show()
        return NotPossible.exit_status
    except click.ClickException as error:
        error.show()
        return UsageError.exit_status
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except BrokenPipeError:  # the reader, such as "head", has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        _tell(NotPossible(f"{about}{error.strerror or error}", what_to_do(error)))
        return NotPossible.exit_status


def _prepare_streams() -> None:
    """Standard output and error are the operator's: no library writes there, and no name is a reason to stop."""
    # what a library warns of is a finding where it matters, such as encoding.serial
    for category in (UserWarning, DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        warnings.simplefilter("ignore", category)
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for what the terminal's encoding does not have


def _replace_closed_streams() -> None:
    """What the caller closed (``<&-``, ``>&-``) is empty, or swallows all; Python has None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _tell(error: EngageError) -> None:
    from engage_server.cli.output import colours_wanted

    word = click.style("error", fg="red", bold=True)
    click.echo(f"{word} [{error.code}]: {error.sentence}", err=True, color=None if colours_wanted() else False)
    if error.next_step:
        click.echo(f"next: {pasteable(error.next_step)}", err=True)
