"""Machines on one switch, each a network namespace. Only root can make them. They are gone at the end."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import processes_of

NETWORK = "10.79"
_QUIET = 10.0


def address(number: int) -> str:
    """The address of the machine with this number."""
    return f"{NETWORK}.0.{number}"


class Running:
    """A program of a machine, with all that it starts."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all below it."""
        for each in list(processes_of(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(each, number)

    def kill(self) -> None:
        """SIGKILL for all of it at once: nothing signs off, and nobody starts anything again."""
        self.signal(signal.SIGSTOP)
        self.signal(signal.SIGKILL)
        self.process.wait(_QUIET)

    def freeze(self) -> None:
        """SIGSTOP for all of it: its sockets stay open, and nobody answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not end."""
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_QUIET)
            if self.process.poll() is None:
                self.kill()


@dataclass
class Machine:
    """One machine.

    Attributes:
        name: Its host name.
        number: The end of its address.
        space: Its network namespace.
        switch: The namespace with the switch.
    """

    name: str
    number: int
    space: str
    switch: str
    running: list[Running] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its address."""
        return address(self.number)

    def command(self, *command: str) -> list[str]:
        """A command that runs on it, with its host name."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name)
        return ["ip", "netns", "exec", self.space, *named, *command]

    def done(self, *command: str, stdin: str = "") -> str:
        """What a command prints that must succeed."""
        return done(*self.command(*command), stdin=stdin)

    def start(self, log: Path, environment: Mapping[str, str], folder: Path, *command: str) -> Running:
        """Start a program that runs until it is stopped."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(*command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        found = Running(process, log)
        self.running.append(found)
        return found

    def answer(self, url: str, *options: str) -> str:
        """What an address gives by HTTP, as this machine gets it. "" if it gives nothing.

        Args:
            url: The address.
            options: More of curl.
        """
        asking = self.command("curl", "-s", "-f", "-m", "2", *options, url)
        found = subprocess.run(asking, capture_output=True, text=True, timeout=30, check=False)
        return found.stdout

    def processes(self) -> list[int]:
        """All that runs on it, also what nobody there is the parent of any more."""
        return [int(each) for each in done("ip", "netns", "pids", self.space).split()]

    def signal_all(self, name: str) -> None:
        """Send a signal to all that runs on it.

        Args:
            name: Without ``SIG``.
        """
        for each in self.processes():
            with suppress(ProcessLookupError):
                os.kill(each, signal.Signals[f"SIG{name}"])

    def deaf_to(self, *others: "Machine") -> None:
        """Drop what comes from and goes to some machines: connections stay open, and nothing comes through."""
        addresses = ", ".join(each.address for each in others)
        rules = f"""
        table inet trial {{
            chain come {{ type filter hook input priority 0; ip saddr {{ {addresses} }} drop; }}
            chain go {{ type filter hook output priority 0; ip daddr {{ {addresses} }} drop; }}
        }}
        """
        self.done("nft", "-f", "-", stdin=rules)

    def hears_again(self) -> None:
        """End that."""
        self.done("nft", "delete", "table", "inet", "trial")

    def link(self, state: str) -> None:
        """Pull its cable out (``down``), or plug it in again (``up``)."""
        done("ip", "-n", self.switch, "link", "set", f"p{self.number}", state)


@contextmanager
def network(machines: Mapping[str, int]) -> Iterator[dict[str, Machine]]:
    """Make machines and the switch between them.

    Args:
        machines: The end of the address of each, by name.
    """
    tag = f"trial{os.getpid()}"
    switch = f"{tag}-switch"
    found = {name: Machine(name, number, f"{tag}-{name}", switch) for name, number in machines.items()}
    try:
        done("ip", "netns", "add", switch)
        done("ip", "-n", switch, "link", "add", "switch", "type", "bridge")
        done("ip", "-n", switch, "link", "set", "switch", "up")
        for each in found.values():
            _plug_in(each)
        yield found
    finally:
        for each in found.values():
            for program in each.running:
                program.stop()
            with suppress(RuntimeError):  # it was not made
                each.signal_all("KILL")  # what its program let go of
        for space in (*(each.space for each in found.values()), switch):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)


def _plug_in(machine: Machine) -> None:
    space, port = machine.space, f"p{machine.number}"
    done("ip", "netns", "add", space)
    done("ip", "-n", machine.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
    done("ip", "-n", machine.switch, "link", "set", port, "master", "switch", "up")
    done("ip", "-n", space, "address", "add", f"{machine.address}/16", "dev", "eth0")
    for interface in ("lo", "eth0"):
        done("ip", "-n", space, "link", "set", interface, "up")
    # the address of the balancers is bound by both, and only one of them has it
    done("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")


def done(*command: str, stdin: str = "") -> str:
    """What a command prints that must succeed."""
    found = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}: {found.stdout}{found.stderr}")
    return found.stdout


def pause(seconds: float) -> None:
    """Wait: what a fault is to last."""
    time.sleep(seconds)
