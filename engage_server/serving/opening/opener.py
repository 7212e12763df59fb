"""Starts the program that opens a chain, and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from threading import BoundedSemaphore

from engage_server.errors import ContentNotUsable, NotPossible
from engage_server.records import Secret
from engage_server.services.chains.folder import ChainMaterial
from engage_server.services.chains.sent.exchange import as_request, read_answer
from engage_server.serving.opening.limits import CPU_SECONDS, NO_MEMORY

_AT_ONCE = 2
_WAITING = 2  # further ones are refused: other requests need the listener's threads
_LONGEST_SECONDS = 30.0  # on a machine that is busy with other things
_TOO_DEAR = {-signal.SIGPROF, -signal.SIGXCPU, -signal.SIGKILL, NO_MEMORY}

# -P: no module is taken from the folder in which the server was started. -B: nothing is written.
PROGRAM = (sys.executable, "-P", "-B", "-m", "engage_server.serving.opening.apart")

# what Python and OpenSSL need where they are installed at unusual places; everything else may hold a secret
_INHERITED = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "OPENSSL_CONF", "OPENSSL_MODULES")


class ChainOpener:
    """Opens chains, each in a separate process. Any number of threads may call it.

    Args:
        environment: Of this process. The other one gets only what it needs of it.
        program: The command line.
        seconds: How long one may take.
    """

    def __init__(
        self, environment: Mapping[str, str], program: Sequence[str] = PROGRAM, seconds: float = _LONGEST_SECONDS
    ) -> None:
        self._environment = {name: environment[name] for name in _INHERITED if name in environment}
        self._program = program
        self._seconds = seconds
        self._room = BoundedSemaphore(_AT_ONCE + _WAITING)
        self._turn = BoundedSemaphore(_AT_ONCE)

    def __call__(self, content: bytes, passphrase: Secret | None) -> ChainMaterial:
        """Open one. See :class:`engage_server.services.chains.sent.reading.OpenSent`."""
        if not self._room.acquire(blocking=False):
            raise _busy("other chains are being opened")
        try:
            with self._turn:
                return read_answer(self._answer(as_request(content, passphrase)))
        finally:
            self._room.release()

    def _answer(self, request: bytes) -> bytes:
        try:
            done = subprocess.run(
                self._program,
                input=request,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                timeout=self._seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _busy(f"the chain could not be opened within {self._seconds:g} seconds") from None
        except OSError as error:  # no further process, or no memory for one
            raise _busy(f"the chain could not be opened: {os.strerror(error.errno or 0)}") from None
        if done.returncode in _TOO_DEAR:
            raise _too_dear()
        if done.returncode != 0:
            raise RuntimeError(f"the program that opens chains ended with {done.returncode}")
        return done.stdout


def _busy(sentence: str) -> NotPossible:
    return NotPossible(sentence, "Send it again later.", code="server.busy")


def _too_dear() -> ContentNotUsable:
    return ContentNotUsable(
        f"-: to open it takes more than {CPU_SECONDS} seconds of computing, or too much memory",
        "Export it again with fewer rounds. Or send PEM with a key of 2048 bits that is not encrypted.",
        code="content.too_dear",
    )
