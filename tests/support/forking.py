"""Processes that begin with everything imported, forked from one that has it: a tenth of the cost of a new interpreter.

For tests that end the same program many times, each time elsewhere. What ends is a process as any other.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_IMPORTED = ["tests.support.alert_node", "tests.support.kill_points", "engage_server.cli.key.rotate_command"]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_IMPORTED)


class Forked:
    """One process, which runs a function of a module.

    Args:
        function: What it runs. It must be importable.
        arguments: The function's.
        folder: Its current folder.
        environment: All of its environment; None for this process's.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *arguments: Any,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        number, self._output = tempfile.mkstemp(prefix="forked-")
        os.close(number)
        place = str(folder or Path.cwd())
        told = (self._output, place, dict(os.environ if environment is None else environment), function, arguments)
        self._process = _CONTEXT.Process(target=_run, args=told)
        self._process.start()

    def wait(self, seconds: float = 300) -> tuple[int, str]:
        """Return its exit status, or minus the number of the signal that ended it, and all that it printed."""
        self._process.join(seconds)
        status = self._process.exitcode
        assert status is not None, f"it still runs after {seconds} s"
        self._process.close()
        printed = Path(self._output)
        text = printed.read_text()
        printed.unlink()
        return status, text


def _run(
    output: str, folder: str, environment: dict[str, str], function: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    with Path(output).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)
