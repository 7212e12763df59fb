"""``engage serve http``, ``https`` or ``operators`` without a supervisor: a quarter of what a pair costs."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.commands import ENGAGE, clean_environment
from tests.support.listening import accepts
from tests.support.ports import free_port
from tests.support.processes import children_of
from tests.support.running import PATIENCE, eventually


class Alone:
    """One instance with one worker.

    Args:
        folder: The installation's.
        listener: Which.
        prefix: A program that runs the command.
        environment: Variables beside those of this process.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        process: Its process, which forks the worker.
    """

    def __init__(self, folder: Path, listener: str, prefix: Sequence[str], environment: dict[str, str]) -> None:
        self.port = free_port()
        self._log = folder / f"{listener}-{self.port}.log"
        command = [*prefix, ENGAGE, "serve", listener, "--bind", "127.0.0.1", f"--{listener}-port", str(self.port)]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--workers", "1"],
                cwd=folder,
                env=clean_environment() | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """All that it printed so far."""
        return self._log.read_text()

    def workers(self) -> list[int]:
        """The process numbers of its workers."""
        return list(children_of(self.process.pid))

    def processes(self) -> list[int]:
        """The process numbers of all of it."""
        return [self.process.pid, *self.workers()]

    def wait_until_ready(self) -> None:
        """Wait until it listens, with its worker."""
        eventually(lambda: self.process.poll() is not None or accepts(self.port), "listens")
        assert self.process.poll() is None, self.log
        eventually(lambda: len(self.workers()) == 1, "one worker")


@contextmanager
def instance_alone(folder: Path, listener: str, prefix: Sequence[str] = (), **environment: str) -> Iterator[Alone]:
    """An instance that serves, and is stopped at the end."""
    alone = Alone(folder, listener, prefix, environment)
    try:
        alone.wait_until_ready()
        yield alone
    finally:
        alone.process.terminate()
        alone.process.wait(PATIENCE)
