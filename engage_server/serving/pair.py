"""Runs both instances as two processes of one supervisor: signals go to both, and if one dies, the other is stopped.

Nothing is restarted here. A service manager restarts both, so that they always start together.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from engage_server.records import Secret

_STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
_PASSED_ON = {signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU}
_LOOK_SECONDS = 0.1
_LOOK_SECONDS_WHEN_READY = 5.0  # when a process dies, the wait ends at once
_GRACE_SECONDS = 34.0  # gunicorn gives running requests 30 s
_LAST_SECONDS = 6.0  # for the instance that ends last, and stores what the others left; systemd kills after 45 s

# the service manager gave these to this process, not to its two children
_NOT_INHERITED = ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The descriptors that an instance inherits.

    Attributes:
        lifeline: See :func:`hold_lifeline`.
        ready: See :func:`tell_ready`.
        secret: See :func:`read_secret`. None if it gets no secret.
    """

    lifeline: int
    ready: int
    secret: int | None

    def all(self) -> list[int]:
        """Return those that exist."""
        return [each for each in (self.lifeline, self.ready, self.secret) if each is not None]


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance.

    Attributes:
        name: For messages.
        command: The whole command line.
        without: Environment variables that it does not inherit.
        secret: What only this instance reads, from the descriptor that its command names. None: no such descriptor.
        environment: Variables that it gets in addition to ours.
        ends_last: Whether it is asked to stop only when all others have ended.
    """

    name: str
    command: Callable[[Descriptors], Sequence[str]]
    without: tuple[str, ...] = ()
    secret: Secret | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ends_last: bool = False


class Pair:
    """Starts the instances and supervises them until the end.

    Args:
        instances: Usually two.
        when_ready: Called once, when each instance has a worker that serves.
        say: Called with a sentence about each event.
    """

    def __init__(
        self, instances: Sequence[Instance], when_ready: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._instances = instances
        self._when_ready = when_ready
        self._say = say
        self._processes: list[subprocess.Popen[bytes]] = []
        self._not_ready: list[int] = []  # the reading ends of those that have not reported yet
        self._asked_to_stop = False
        self._stopped_by = signal.SIGTERM

    def run(self) -> int:
        """Run until a signal comes or an instance dies.

        Returns:
            The exit status: 0 if it was asked to stop and all instances ended well, else 1.
        """
        # blocked, not handled: no signal is lost, and none interrupts a call
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING | _PASSED_ON | {signal.SIGCHLD})
        # Only this process holds the writing end. However it ends, the instances then read the end of the file.
        lifeline, held = os.pipe()
        try:
            for instance in self._instances:
                self._start(instance, lifeline)
            return self._stay()
        finally:
            self._kill_rest()
            for descriptor in (lifeline, held, *self._not_ready):
                os.close(descriptor)

    def _start(self, instance: Instance, lifeline: int) -> None:
        told, tell = os.pipe()
        os.set_blocking(told, False)
        self._not_ready.append(told)
        descriptors = Descriptors(lifeline, tell, pipe_with(instance.secret) if instance.secret is not None else None)
        left_out = {*_NOT_INHERITED, *instance.without}
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        environment |= instance.environment
        command = instance.command(descriptors)
        # A fresh program, not a fork: nothing in this process's memory reaches the instance.
        self._processes.append(subprocess.Popen(command, env=environment, pass_fds=descriptors.all()))
        for descriptor in descriptors.all()[1:]:
            os.close(descriptor)

    def _stay(self) -> int:
        while all(process.poll() is None for process in self._processes):
            if self._not_ready:
                self._look_whether_ready()
            seconds = _LOOK_SECONDS if self._not_ready else _LOOK_SECONDS_WHEN_READY
            received = signal.sigtimedwait(_STOPPING | _PASSED_ON | {signal.SIGCHLD}, seconds)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self._pass_on(signal.Signals(received.si_signo))
            if self._asked_to_stop:
                break
        return self._end()

    def _look_whether_ready(self) -> None:
        for told in list(self._not_ready):
            try:
                if not os.read(told, 1):
                    continue  # it ended without reporting: its death will be found next
            except BlockingIOError:
                continue
            self._not_ready.remove(told)
            os.close(told)
        if not self._not_ready and all(process.poll() is None for process in self._processes):
            self._when_ready()
            _notify_service_manager()

    def _pass_on(self, received: signal.Signals) -> None:
        if received in _STOPPING:
            self._asked_to_stop = True
            self._stopped_by = received
        for instance, process in zip(self._instances, self._processes, strict=True):
            if process.poll() is None and not (instance.ends_last and received in _STOPPING):
                process.send_signal(received)

    def _end(self) -> int:
        if not self._asked_to_stop:
            self._tell_dead()
            self._pass_on(signal.SIGTERM)
            died = True
        else:
            died = False
        deadline = time.monotonic() + _GRACE_SECONDS
        pairs = list(zip(self._instances, self._processes, strict=True))
        died |= self._await([process for instance, process in pairs if not instance.ends_last], deadline)
        last = [process for instance, process in pairs if instance.ends_last]
        for process in last:
            if process.poll() is None:
                process.send_signal(self._stopped_by)
        died |= self._await(last, max(deadline, time.monotonic() + _LAST_SECONDS))
        return int(died or any(process.wait() != 0 for process in self._processes))

    def _await(self, processes: Sequence[subprocess.Popen[bytes]], deadline: float) -> bool:
        """Wait for the end of processes that were asked to stop. True if one did not do so, and was killed."""
        killed = False
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say("an instance did not stop in time; it is killed")
                killed = True
                process.kill()
        return killed

    def _tell_dead(self) -> None:
        for instance, process in zip(self._instances, self._processes, strict=True):
            if process.poll() is not None:
                ended = f"the {instance.name} instance ended (status {process.returncode}): stopping the others"
                self._say(f"{ended}\nnext: Its last lines above say why. If a port is in use: ss -ltnp says by what")

    def _kill_rest(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def hold_lifeline(lifeline: int) -> None:
    """End this instance when the supervisor ends, even if that is killed. Accept the supervisor's signals again.

    Args:
        lifeline: The reading end of a pipe whose writing end the supervisor holds.
    """
    watch_lifeline(lifeline)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING | _PASSED_ON | {signal.SIGCHLD})


def watch_lifeline(lifeline: int) -> None:
    """Do the same for a process that waits for signals (sigwait): all of them stay blocked.

    Args:
        lifeline: See :func:`hold_lifeline`.
    """

    def watch() -> None:
        os.read(lifeline, 1)  # nothing is ever written: this returns when the supervisor is gone
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def pipe_with(secret: Secret) -> int:
    """Return the reading end of a pipe that holds only a secret. A secret of more than some hundred bytes may block."""
    reading, writing = os.pipe()
    os.write(writing, secret.reveal())
    os.close(writing)
    return reading


def read_secret(descriptor: int) -> Secret:
    """Read the secret of :func:`pipe_with` and close the descriptor. Nobody else can read it after that."""
    with open(descriptor, "rb") as pipe:
        return Secret(pipe.read())


def tell_ready(descriptor: int) -> None:
    """Report that a worker is about to serve. One report per instance is enough; more do no harm."""
    with suppress(OSError):  # the supervisor has received it already, and closed its end
        os.write(descriptor, b"r")
        os.close(descriptor)


def _notify_service_manager() -> None:
    """Report to systemd (``Type=notify``) that both instances answer. See sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.connect("\0" + address[1:] if address.startswith("@") else address)
        notifier.send(b"READY=1")
