"""A site, the router in front of it and a server, each in its own network namespace. Only root can make them."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

SERVER, SERVER6 = "10.77.2.2", "fd77:2::2"
DOOR, DOOR6 = "10.77.1.2", "fd77:1::2"
DOORS_INTERFACE = "doors"

_WAIT = 0.8  # seconds: a dropped packet shows as silence
_CALL = f"""
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout={_WAIT}).close()
except OSError as error:
    sys.exit(type(error).__name__)
"""
_ASK = f"""
import socket, sys
host = sys.argv[1]
with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout({_WAIT})
    asking.connect((host, int(sys.argv[2])))
    asking.send(b"?")
    try:
        asking.recv(1)
    except OSError as error:
        sys.exit(type(error).__name__)
"""
_LISTEN = """
import socket, sys
both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
listening = [socket.create_server(("", int(port)), **both) for port in sys.argv[1:]]
print("listening", flush=True)
sys.stdin.read()
"""


def why_not() -> str:
    """Why no network can be made here. "" if it can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    if missing := [name for name in ("ip", "nft") if shutil.which(name) is None]:
        return f"not installed: {' and '.join(missing)} (apt-get install nftables iproute2)"
    name = f"engage-try-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "this machine lets nobody make network namespaces"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


@dataclass(frozen=True)
class Space:
    """One network namespace."""

    name: str

    def command(self, *command: str) -> list[str]:
        """A command that runs in it."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command in it."""
        return subprocess.run(
            self.command(*command), input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def done(self, *command: str, stdin: str = "") -> str:
        """What a command prints that must succeed."""
        found = self.run(*command, stdin=stdin)
        assert found.returncode == 0, found.stderr
        return found.stdout

    def reaches(self, host: str, port: int) -> bool:
        """Whether TCP gets through from here."""
        return self.run(sys.executable, "-c", _CALL, host, str(port)).returncode == 0

    def refused_by_udp(self, host: str, port: int) -> bool:
        """Whether the ICMP error comes back that a closed port of UDP is answered with."""
        return "ConnectionRefused" in self.run(sys.executable, "-c", _ASK, host, str(port)).stderr

    @contextmanager
    def listening(self, *ports: int) -> Iterator[None]:
        """Listen on ports of TCP in it."""
        command = self.command(sys.executable, "-c", _LISTEN, *map(str, ports))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "listening\n"
                yield
            finally:
                process.kill()


@dataclass(frozen=True)
class SiteNetwork:
    """Doors and a server, and the router between them, which forwards."""

    doors: Space
    router: Space
    server: Space


@contextmanager
def site_network() -> Iterator[SiteNetwork]:
    """Make the three; skips where that is not possible."""
    if why := why_not():
        pytest.skip(why)
    spaces = [Space(f"engage-{which}-{os.getpid()}-{_number()}") for which in ("doors", "router", "server")]
    with ExitStack() as until_the_end:
        for space in spaces:
            subprocess.run(["ip", "netns", "add", space.name], check=True)
            until_the_end.callback(subprocess.run, ["ip", "netns", "del", space.name], check=False)
            space.done("ip", "link", "set", "lo", "up")
            # no address is taken by anybody else here, and waiting for that takes seconds
            space.done("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        doors, router, server = spaces
        _joined(doors, router, DOORS_INTERFACE, "10.77.1.", "fd77:1::")
        _joined(server, router, "outside", "10.77.2.", "fd77:2::")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            router.done("sysctl", "-qw", f"{key}=1")
        yield SiteNetwork(doors, router, server)


def _joined(end: Space, router: Space, interface: str, begin4: str, begin6: str) -> None:
    """A cable between the router and one of the others: the router is 1, the other one is 2."""
    router.done("ip", "link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", end.name)
    for space, name, number in ((router, interface, 1), (end, "eth0", 2)):
        space.done("ip", "address", "add", f"{begin4}{number}/24", "dev", name)
        space.done("ip", "address", "add", f"{begin6}{number}/64", "dev", name, "nodad")
        space.done("ip", "link", "set", name, "up")
    end.done("ip", "route", "add", "default", "via", f"{begin4}1")
    end.done("ip", "-6", "route", "add", "default", "via", f"{begin6}1")


def _number() -> int:
    """A number that no other test of this process has at the same time."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])
