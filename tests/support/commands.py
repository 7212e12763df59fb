"""The ``engage`` command as scripts call it: in this process, which is much cheaper, or in one of its own."""

import os
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

from engage_server import cli
from engage_server.variables import SYSTEM_CONFIG_VARIABLE

ENGAGE = str(Path(sys.executable).with_name("engage"))
_SECONDS = 60


def engage(
    folder: Path, *arguments: object, stdin: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command in an installation's folder: in this process where that makes no difference.

    ``serve`` gets a process, because it blocks signals and becomes another program. So does a command that a thread
    of a test runs: a process has only one current folder. A test for which the process matters (a signal, a limit,
    a terminal, two at once) asks for one: :func:`engage_process`.
    """
    texts = [str(argument) for argument in arguments]
    if "serve" in texts or threading.current_thread() is not threading.main_thread():
        return engage_process(folder, *texts, stdin=stdin, **environment)
    return _engage_here(folder, texts, stdin or b"", environment)


def engage_process(
    folder: Path, *arguments: object, stdin: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command in an installation's folder, in a process of its own."""
    return subprocess.run(
        [ENGAGE, *map(str, arguments)],
        cwd=folder,
        env=clean_environment() | environment,
        input=(stdin or b"").decode(),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def engage_as_shown(folder: Path, arguments: list[str], stdin: bytes, environment: dict[str, str]) -> tuple[int, str]:
    """Run one command in this process; its status, and both its streams in the order in which a terminal shows them."""
    with _at_home_in(folder, clean_environment() | environment, [ENGAGE, *arguments]):
        shown = BytesIO()
        both = TextIOWrapper(shown, encoding="utf-8", errors="backslashreplace", write_through=True)
        with _standing_in(TextIOWrapper(BytesIO(stdin), encoding="utf-8"), both, both):
            status = _status(arguments)
            both.flush()
    both.detach()
    return status, shown.getvalue().decode()


def ok(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must have succeeded."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean_environment() -> dict[str, str]:
    """This process's environment without settings, also those of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGAGE_")}
    return kept | {SYSTEM_CONFIG_VARIABLE: ""}


def _engage_here(
    folder: Path, arguments: list[str], stdin: bytes, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    whole = [ENGAGE, *arguments]
    with _streams(stdin) as (shown, told), _at_home_in(folder, clean_environment() | environment, whole):
        status = _status(arguments)
    return subprocess.CompletedProcess(whole, status, shown.getvalue().decode(), told.getvalue().decode())


def _status(arguments: list[str]) -> int:
    try:
        cli.main(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except Exception:  # what the interpreter does at the end of a process
        traceback.print_exc()
        return 1


@contextmanager
def _at_home_in(folder: Path, environment: dict[str, str], arguments: list[str]) -> Iterator[None]:
    """Everything of a process that a command reads or sets, and back again."""
    before = Path.cwd()
    with ExitStack() as undone:
        undone.enter_context(warnings.catch_warnings())
        undone.enter_context(patch.dict(os.environ, environment, clear=True))
        undone.enter_context(patch.object(sys, "argv", arguments))
        undone.callback(os.chdir, before)
        os.chdir(folder)
        yield


@contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[BytesIO, BytesIO]]:
    """Standard streams that are no terminal, and whose bytes are seen as a pipe's reader would."""
    source, shown, told = BytesIO(stdin), BytesIO(), BytesIO()
    out = TextIOWrapper(shown, encoding="utf-8")
    err = TextIOWrapper(told, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    with _standing_in(TextIOWrapper(source, encoding="utf-8"), out, err):
        yield shown, told
        out.flush()
        err.flush()
    out.detach(), err.detach()  # or the end of a wrapper would be the end of what it wrote


@contextmanager
def _standing_in(source: TextIOWrapper, out: TextIOWrapper, err: TextIOWrapper) -> Iterator[None]:
    with (
        patch.object(sys, "stdin", source),
        patch.object(sys, "stdout", out),
        patch.object(sys, "__stdout__", out),  # what the width of a terminal is asked of
        patch.object(sys, "stderr", err),
    ):
        yield
