"""Runs the command that prints the key-encryption key, such as one of a vault or of a cloud provider.

It runs without a shell. What it prints on standard output is the key and is never shown. What it prints on standard
error is shown if it fails, without what looks like a key.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from engage_server.errors import NotPossible
from engage_server.records import Secret
from engage_server.variables import RELEASE_KEY_VARIABLE, SECRETS_OF_OPERATORS

SECONDS = 30.0
_MOST_BYTES = 4096
_SHOWN = 300  # characters of what it says about a failure
_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
_NEXT = "Run it by hand as the same user. Then repair key_encryption_key_command."


def key_from_command(command: Sequence[str], environment: Mapping[str, str], seconds: float = SECONDS) -> Secret:
    """Run a command, and return what it prints.

    Args:
        command: Its words. The first one is a path, or is looked up in ``PATH``.
        environment: Of this process. The command gets it without our secrets.
        seconds: How long it may take.

    Raises:
        NotPossible: It cannot be run, fails, takes too long, or prints nothing or too much.
    """
    name = command[0]
    running = _started(command, environment)
    out, err = _Reader(running.stdout), _Reader(running.stderr)
    try:
        status = running.wait(seconds)
    except subprocess.TimeoutExpired:
        raise _failed(f"the command {name} for the key-encryption key took longer than {seconds:g} s") from None
    finally:
        _end(running)
    printed = out.content()
    if status != 0:
        how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
        said = _shown(err.content(), printed)
        raise _failed(f"the command {name} for the key-encryption key {how}" + (f": {said}" if said else ""))
    if not printed.strip():
        raise _failed(f"the command {name} for the key-encryption key printed nothing")
    if len(printed) > _MOST_BYTES:
        raise _failed(f"the command {name} for the key-encryption key printed more than {_MOST_BYTES} bytes")
    return Secret(printed)


def _started(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    ours = {RELEASE_KEY_VARIABLE, *SECRETS_OF_OPERATORS}
    given = {name: value for name, value in environment.items() if name not in ours}
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=given,
            start_new_session=True,  # so that all it started can be ended with it
        )
    except (OSError, ValueError) as error:  # ValueError: a word holds a NUL
        why = error.strerror if isinstance(error, OSError) else "a word holds a NUL character"
        raise _failed(f"the command {command[0]} for the key-encryption key cannot be run: {why}") from None


def _end(running: "subprocess.Popen[bytes]") -> None:
    """End what is left of it: a process that holds the pipe would keep us waiting."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


class _Reader:
    """Reads a pipe to its end, and keeps a little more than may come out of it."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._pipe = pipe
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._pipe is None:
            return
        with self._pipe:
            while part := self._pipe.read1(_MOST_BYTES):  # type: ignore[attr-defined]  # a pipe of Popen is buffered
                self._kept += part[: _MOST_BYTES + 1 - len(self._kept)]

    def content(self) -> bytes:
        """What came, once its writers have ended."""
        self._thread.join()
        return bytes(self._kept)


def _shown(said: bytes, printed: bytes) -> str:
    """What a command says about its failure, without what looks like a key."""
    text = said.decode(errors="replace")
    for secret in filter(None, printed.decode(errors="replace").split()):
        text = text.replace(secret, "***")
    return " ".join(_LIKE_A_KEY.sub("***", text).split())[-_SHOWN:]


def _failed(sentence: str) -> NotPossible:
    return NotPossible(sentence, _NEXT, code="key.command")
