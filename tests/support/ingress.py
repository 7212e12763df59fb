"""The ingress of the links as its users run it: ``engage serve links`` in processes, on high ports."""

import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from engage_server.pki import keys
from engage_server.pki.encodings import pem
from engage_server.pki.issuing.authority import BuiltChain, ChainPlan, build_chain
from engage_server.records import Host
from tests.support.chains import NOW
from tests.support.commands import ENGAGE, clean_environment, engage, ok
from tests.support.m2u import LOGIN, secret_file
from tests.support.ports import free_port, free_ports
from tests.support.processes import processes_of
from tests.support.rsa_keys import keeping
from tests.support.running import PATIENCE, eventually


def host_chain(name: str, label: str = "") -> BuiltChain:
    """The chain of a host, always the same; another label gives another one."""
    return _built(name, label)


@cache
@keeping()
def _built(name: str, label: str) -> BuiltChain:
    return build_chain(ChainPlan((Host(name),), label=label), NOW)


def host_files(folder: Path, name: str, label: str = "") -> str:
    """Write certificate and key of a host beside ``links.toml``. The lines of its table that name them."""
    chain = host_chain(name, label)
    (folder / f"{name}.pem").write_bytes(pem([chain.chain.server, *chain.chain.intermediates]))
    key = folder / f"{name}.key"
    key.write_bytes(keys.private_key_pem(chain.server_key).reveal())
    key.chmod(0o600)
    return f'certificate_file = "{name}.pem"\nkey_file = "{name}.key"\n'


class RunningIngress:
    """``engage serve links`` in a folder with a ``links.toml``.

    Args:
        folder: With ``data`` and ``links.toml``.
        port: The port of hosts that name none.
        environment: Variables beside those of this process.
    """

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.folder, self.port = folder, port
        self._log = (folder / f"links-{port}.log").open("w+b")
        settings = {"ENGAGE_LINKS_BIND": "127.0.0.1", "ENGAGE_LINKS_PORT": str(port), "ENGAGE_WORKERS": "1"}
        self.process = subprocess.Popen(
            [ENGAGE, "serve", "links"],
            cwd=folder,
            env=clean_environment() | settings | environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def log(self) -> str:
        """All that it printed so far."""
        return Path(self._log.name).read_text()

    @property
    def events(self) -> str:
        """All lines in the spool."""
        return "".join(path.read_text() for path in sorted((self.folder / "data" / "links" / "events").glob("*")))

    def wait_until_ready(self) -> None:
        """Wait for the printed addresses."""
        eventually(lambda: "the ingress of the links serves" in self.log or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.log

    def descendants(self) -> list[int]:
        """The process numbers of all instances and workers."""
        return list(processes_of(self.process.pid))[1:]

    def connect(self, name: str | None, port: int = 0, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A TLS connection with this server name; None for none. The certificate is not checked."""
        if context is None:
            context = unchecked_context()
        plain = socket.create_connection(("127.0.0.1", port or self.port), timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname=name)

    def ask(self, request: bytes, name: str | None = "links.example.org", port: int = 0) -> tuple[int, bytes]:
        """Send one request as it is; the status of the answer, and all of the answer."""
        with closing(self.connect(name, port)) as connection:
            connection.sendall(request)
            answer = read_answer(connection)
        return int(answer.split(b" ", 2)[1]), answer

    def hang_up(self) -> None:
        """SIGHUP: the settings are read again."""
        self.process.send_signal(signal.SIGHUP)

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


@contextmanager
def running_ingress(folder: Path, links: str, **environment: str) -> Iterator[RunningIngress]:
    """The ingress with this ``links.toml``, in which ``{port}`` is a free port. Stopped at the end."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "links.toml").write_text(links)
    ingress = RunningIngress(folder, free_port(), **environment)
    try:
        ingress.wait_until_ready()
        yield ingress
    finally:
        ingress.stop()


def unchecked_context() -> ssl.SSLContext:
    """A client that accepts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer with Content-Length, or until the end."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = connection.recv(65536)
        if not piece:
            return content
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        piece = connection.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


SHARED = """
[hosts."links.example.org"]
{links}serves = ["m2u"]

[hosts."cert.example.org"]
{cert}serves = ["m2u"]
client_certificates = "optional"
client_ca_file = "m2u/m2u-ca.pem"

[hosts.strict]
name = "only.example.org"
{only}serves = ["m2u"]
client_certificates = "required"
client_ca_file = "m2u/m2u-ca.pem"

[plain.lan]
bind = "127.0.0.1"
port = {plain}
serves = ["kpn-ingestion"]
networks = ["127.0.0.0/8"]

[plain.far]
bind = "127.0.0.1"
port = {far}
serves = ["kpn-ingestion"]
networks = ["10.0.0.0/8"]

[links.plant]
site = "plant"
partner = "m2u"
slot = "plant"
login_file = "plant.login"
accounts = {{ acme = ["ewon-1"] }}

[links.certified]
site = "plant"
partner = "m2u"
slot = "certified"
login_file = "plant.login"
accounts = {{ acme = [] }}
client_certificate = "required"

[links.asked]
site = "plant"
partner = "m2u"
slot = "asked"
login_file = "plant.login"
login_in = "query"
accounts = {{ acme = [] }}
"""


def shared_links(folder: Path) -> tuple[str, int, int]:
    """Write everything that :data:`SHARED` names; its text, and the ports of the plain listeners."""
    secret_file(folder / "plant.login", LOGIN)
    for name in ("m2u.talk2m.com", "other"):
        ok(engage(folder, "m2u", "client-certificate", "m2u", "--form", "pem", "--name", name))
    ok(engage(folder, "m2u", "client-certificate", "stranger", "--form", "pem"))
    plain, far = free_ports(2)
    files = {part: host_files(folder, f"{part}.example.org") for part in ("links", "cert", "only")}
    return SHARED.format(**files, plain=plain, far=far), plain, far


class SharedIngress(RunningIngress):
    """A running ingress with all kinds of hosts, that no test may change.

    Attributes:
        plain, far: The ports of plain listeners: for this machine, and for a network that is not here.
    """

    plain: int
    far: int
