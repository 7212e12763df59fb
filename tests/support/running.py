"""The product as its users run it: the installed ``engage`` command in processes of its own, on high ports."""

import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support import checkout
from tests.support.commands import ENGAGE, clean_environment, engage, engage_process, ok
from tests.support.ports import free_port, free_ports
from tests.support.processes import children_of

__all__ = [
    "ENGAGE",
    "NOTICE",
    "PATIENCE",
    "RunningPair",
    "clean_environment",
    "engage",
    "engage_as",
    "engage_for",
    "engage_process",
    "eventually",
    "free_port",
    "free_ports",
    "ok",
    "running_pair",
]

NOTICE = "/swordfish/lock/certificates/current"
_MODULES = {"PYTHONPATH": f"{checkout.ROOT}:{sysconfig.get_path('purelib')}"}
PATIENCE = 120.0  # seconds for anything that should happen at once; these machines are shared
_LONGEST_PAUSE = 0.5  # at first
_PART = 8  # of what one has waited for already: so much longer may the wait become


def eventually(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> float:
    """Wait until something holds; the seconds it took. What takes long to ask is asked less often, and ever less."""
    begun = time.monotonic()
    while (asked := time.monotonic()) - begun < seconds:
        if condition():
            return time.monotonic() - begun
        longest = max(_LONGEST_PAUSE, (asked - begun) / _PART)
        time.sleep(min(max(0.02, 3 * (time.monotonic() - asked)), longest))
    raise AssertionError(f"not within {seconds} s: {what}")


class RunningPair:
    """``engage serve`` in a folder.

    Args:
        folder: The installation's.
        options: Of the command.
        output: Where standard output and standard error go; None for a file that is read by :attr:`log`.
        user: Whose process it is, by number; "" for this one's user.
        environment: Variables beside those of this process.

    Attributes:
        http_port, https_port, operators_port: Where it listens, on 127.0.0.1.
    """

    def __init__(
        self, folder: Path, *options: str, output: int | None = None, user: str = "", **environment: str
    ) -> None:
        self.folder = folder
        self.http_port, self.https_port, self.operators_port = free_ports(3)
        self._log = (folder / f"serve-{self.http_port}.log").open("w+b")
        self.process = subprocess.Popen(
            [
                *(engage_for(user) if user else [ENGAGE]),
                "serve",
                *("--bind", "127.0.0.1", "--http-port", str(self.http_port), "--https-port", str(self.https_port)),
                *("--operators-port", str(self.operators_port)),
                *options,
            ],
            cwd=folder,
            env=clean_environment() | (_MODULES if user else {}) | environment,
            stdout=self._log if output is None else output,
            stderr=subprocess.STDOUT,
            **_as_user(user),
        )

    @property
    def log(self) -> str:
        """All that it printed so far."""
        return Path(self._log.name).read_text()

    @property
    def http(self) -> str:
        """The base URL of the plain instance."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def https(self) -> str:
        """The base URL of the TLS instance."""
        return f"https://127.0.0.1:{self.https_port}"

    def wait_until_ready(self) -> None:
        """Wait for the printed addresses."""
        eventually(lambda: "lock fetch" in self.log or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.log

    def children(self) -> list[int]:
        """The process numbers of the instances: HTTP, TLS, operators."""
        return list(children_of(self.process.pid))

    def workers(self) -> list[int]:
        """The process numbers of all workers that serve devices."""
        return [worker for instance in self.children()[:2] for worker in children_of(instance)]

    def transfer(self) -> list[int]:
        """The process number of the operators' worker, which also stores what devices did."""
        return [worker for instance in self.children()[2:] for worker in children_of(instance)]

    def metrics(self) -> dict[str, float]:
        """What Prometheus would be told: values by name with labels; 0 for what was not counted yet."""
        with closing(socket.create_connection(("127.0.0.1", self.operators_port), timeout=PATIENCE)) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            text = _read_all(connection).partition(b"\r\n\r\n")[2].decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return defaultdict(float, {name: float(value) for name, _, value in lines})

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self._log.close()

    def raw_http(self, request: bytes) -> bytes:
        """The bytes that come back on a plain connection, until the server closes it."""
        with closing(socket.create_connection(("127.0.0.1", self.http_port), timeout=PATIENCE)) as connection:
            connection.sendall(request)
            return _read_all(connection)

    def raw_https(self, request: bytes, root: Path, server_name: str = "127.0.0.1") -> tuple[bytes, bytes]:
        """The bytes that come back by TLS, and the server certificate's DER."""
        context = ssl.create_default_context(cafile=str(root))
        with (
            closing(socket.create_connection(("127.0.0.1", self.https_port), timeout=PATIENCE)) as plain,
            context.wrap_socket(plain, server_hostname=server_name) as connection,
        ):
            certificate = connection.getpeercert(binary_form=True) or b""
            connection.sendall(request)
            return _read_all(connection), certificate


@contextmanager
def running_pair(folder: Path, *options: str, user: str = "", **environment: str) -> Iterator[RunningPair]:
    """A pair that is ready, and is stopped at the end."""
    pair = RunningPair(folder, *options, output=None, user=user, **environment)
    try:
        pair.wait_until_ready()
        yield pair
    finally:
        pair.stop()


@cache
def engage_for(user: str) -> list[str]:
    """The ``engage`` command for another user, to whom this one's interpreter may be closed; skips where there is none.

    Only root can have a command run by somebody else.
    """
    for python in (sys.executable, "/usr/bin/python3"):
        command = [python, "-P", "-m", "engage_server"]
        with suppress(OSError):
            done = _run_as(user, [*command, "--version"], Path("/"))
            if done == 0:
                return command
    pytest.skip("no interpreter here is open to others")


def engage_as(user: str, folder: Path, *arguments: str) -> int:
    """The exit status of a command that another user runs."""
    return _run_as(user, [*engage_for(user), *arguments], folder)


def _run_as(user: str, command: list[str], folder: Path) -> int:
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment() | _MODULES,
        check=False,
        capture_output=True,
        timeout=60,
        **_as_user(user),
    )
    return done.returncode


def _as_user(user: str) -> dict[str, Any]:
    return {"user": int(user), "group": int(user), "extra_groups": []} if user else {}


def _read_all(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received
