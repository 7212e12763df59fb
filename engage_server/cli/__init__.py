"""The ``engage`` command: parses, calls one service, prints the next step."""

import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

import click

from engage_server.cli.output import forget_json
from engage_server.cli.process.collector import collect_seldom
from engage_server.cli.process.failures import failure_of, report_failure
from engage_server.cli.program import remember_config
from engage_server.cli.root import engage
from engage_server.cli.shell.completions import COMPLETION_VARIABLE
from engage_server.errors import UsageError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 fine, 1 the answer is no, 2 wrong usage or settings, 3 it could not be done.

    Args:
        arguments: Without the program's name; None for those of the process.
    """
    collect_seldom()
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    return status_of(engage, arguments)


def status_of(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command, report its failure, and return the exit status.

    Args:
        command: The root, or the one command of a program that Engage itself starts.
        arguments: Without the program's name; None for those of the process.
    """
    _prepare_streams()
    remember_config(None)  # until the options are read
    forget_json()
    try:
        status = command.main(arguments, prog_name="engage", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return UsageError.exit_status
    except BrokenPipeError:  # the reader, such as "head", has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if COMPLETION_VARIABLE in os.environ:
            return 0  # a shell asked, and shows whatever is printed
        failure = failure_of(error)
        report_failure(failure, sys.argv[1:] if arguments is None else arguments)
        return failure.exit_status


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
    """A stream that the caller closed (``<&-``, ``>&-``) is empty, or swallows everything. Python has None for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # for good
