"""Sends alerts to a program on this host: by no shell, with none of our secrets, and within a time.

The program runs as the user of the service. So only the command line may set one: see ``Act.ALERT_COMMAND_SET``.
"""

import os
import selectors
import signal
import subprocess  # the operator chose the program, on the command line of this host
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from engage_server.records import OutboxEntry
from engage_server.services.alerts.channel import TAKEN, Delivery, HandOver, Outcome
from engage_server.services.alerts.channels.bodies import alert_body
from engage_server.services.alerts.channels.one_line import one_line

COMMAND_SECONDS = 60.0
_MOST_OUTPUT = 64 * 1024
_MOST_SHOWN = 200
_TICK = 0.05
# All that a program needs of ours. Everything else could be a secret: of the installation, its database, or a cloud.
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SYSTEMROOT")
_OF_USER = ("HOME", "USER", "LOGNAME", "TMPDIR")
_LOCALE = "LC_"


@dataclass(frozen=True, slots=True)
class CommandChannel:
    """One program.

    Attributes:
        program: Its whole path.
        arguments: What it is given.
        environment: The variables of this process. Few of them are passed on.
        clock: Seconds that only grow.
        seconds: How long it may take.
        run_as: The user and group as whom it runs, where this process is root. None: those of this process.
    """

    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    clock: Callable[[], float]
    seconds: float = COMMAND_SECONDS
    run_as: tuple[int, int] | None = None

    def send(self, entry: OutboxEntry, hand_over: HandOver) -> Delivery:
        """See :meth:`engage_server.services.alerts.channel.Channel.send`.

        The program reads the alert as JSON on its standard input. Exit status 0 means that it has taken it.
        """
        with tempfile.TemporaryFile() as message:  # not a pipe: a program that never reads would stop us
            message.write(alert_body(entry))
            message.seek(0)
            if not hand_over():
                return TAKEN
            try:
                process = self._start(message, variables_of(entry))
            except OSError as error:
                why = f"cannot be started: {error.strerror or type(error).__name__}"
                return self._trouble(why, "Check that it exists, and that the user of the service may run it.")
        return self._wait(process)

    def _start(self, message: IO[bytes], variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        kept = {name: text for name, text in self.environment.items() if name in _PASSED_ON or name.startswith(_LOCALE)}
        user: dict[str, Any] = {}
        if self.run_as is not None:
            kept = {name: text for name, text in kept.items() if name not in _OF_USER}
            user = {"user": self.run_as[0], "group": self.run_as[1], "extra_groups": []}
        return subprocess.Popen(
            [self.program, *self.arguments],
            stdin=message,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={**kept, **variables},
            close_fds=True,
            start_new_session=True,  # so that what it starts ends with it
            **user,
        )

    def _wait(self, process: "subprocess.Popen[bytes]") -> Delivery:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        with process.stdout as output:
            try:
                said = self._read_until_end(process, output)
            finally:
                _end(process)
        fix = "Run it by hand as the user of the service, with the alert's JSON on standard input."
        if said is None:
            return self._trouble(f"took more than {self.seconds:g} s, and was ended", fix)
        if process.returncode == 0:
            return Delivery(Outcome.SENT)
        last = one_line(said.decode("utf-8", "replace").strip().rpartition("\n")[2], _MOST_SHOWN)
        how = f"exit status {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        return self._trouble(f"ended with {how}{': ' + last if last else ''}", fix)

    def _read_until_end(self, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> bytes | None:
        """The end of its output, until it ends. None if it takes too long. What it left running is not waited for."""
        os.set_blocking(output.fileno(), False)
        said, until, is_open = b"", self.clock() + self.seconds, True
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while process.poll() is None:
                if self.clock() >= until:
                    return None
                if not is_open:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_TICK)
                elif selector.select(_TICK):
                    piece = output.read(_MOST_OUTPUT)
                    is_open, said = bool(piece), (said + (piece or b""))[-_MOST_OUTPUT:]
        return said + (output.read(_MOST_OUTPUT) or b"")

    def _trouble(self, what: str, fix: str) -> Delivery:
        return Delivery(Outcome.AGAIN, f"the command {one_line(self.program)} {what}", fix=fix)


def variables_of(entry: OutboxEntry) -> dict[str, str]:
    """The variables for programs that want no JSON."""
    message = entry.message
    return {
        "ENGAGE_ALERT_ID": entry.id,
        "ENGAGE_ALERT_KIND": message.kind.value,
        "ENGAGE_ALERT_SITE": one_line(entry.site),
        "ENGAGE_ALERT_SUBJECT": one_line(message.subject),
    }


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and what it started in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
