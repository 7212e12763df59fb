"""A running ingress that serves Telekom's test environment, for tests that call it as the portal would."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import urllib3

from engage_server.pki import encodings, keys
from engage_server.services.site_path.event_lines import event_of
from tests.support.chains import NOW, good_chain
from tests.support.running import ENGAGE, PATIENCE, clean_environment, eventually, free_port
from tests.support.telekom_links import write_links

XML = {"Content-Type": "text/xml; charset=utf-8"}


@dataclass(frozen=True)
class TelekomIngress:
    """The ingress, and a caller of it.

    Attributes:
        folder: Its installation.
        port: Where it listens.
        client: Trusts its TLS certificate.
        process: The supervisor.
    """

    folder: Path
    port: int
    client: urllib3.PoolManager
    process: "subprocess.Popen[bytes]"

    def post(self, content: bytes, path: str = "/telekom/ta/m2madmcl") -> urllib3.BaseHTTPResponse:
        """Send a message."""
        return self.client.request("POST", f"https://127.0.0.1:{self.port}{path}", body=content, headers=XML)

    def events(self) -> list[dict[str, str]]:
        """The details of all events in the spool, in the order in which they were kept."""
        lines = [
            line
            for file in sorted((self.folder / "data" / "links" / "events").rglob("*"))
            if file.is_file()
            for line in file.read_bytes().splitlines()
        ]
        return [dict(event.detail) | {"key": event.key} for line in lines if (event := event_of(line)) is not None]


def write_server_files(folder: Path) -> None:
    """A TLS certificate for 127.0.0.1 with its key, and the CA to trust."""
    built = good_chain()
    (folder / "server.pem").write_bytes(encodings.pem([built.chain.server, *built.chain.intermediates]))
    (folder / "server.key").write_bytes(keys.private_key_pem(built.server_key).reveal())
    (folder / "server.key").chmod(0o600)
    (folder / "ca.pem").write_bytes(encodings.pem([built.chain.root]))


@contextmanager
def telekom_ingress(folder: Path, **environment: str) -> Iterator[TelekomIngress]:
    """An ingress that is ready, and is stopped at the end.

    Args:
        folder: An installation.
        environment: Settings of the ingress.
    """
    port = free_port()
    write_links(folder, NOW, port=port)
    write_server_files(folder)
    client = urllib3.PoolManager(ca_certs=str(folder / "ca.pem"), retries=False, timeout=PATIENCE)
    with (folder / "ingress.log").open("wb") as log:
        process = subprocess.Popen(
            [ENGAGE, "serve", "links"], cwd=folder, env=clean_environment() | environment, stdout=log, stderr=log
        )
        try:
            ingress = TelekomIngress(folder, port, client, process)
            eventually(lambda: _answers(ingress), f"the ingress answers: {folder / 'ingress.log'}")
            yield ingress
        finally:
            client.clear()
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _answers(ingress: TelekomIngress) -> bool:
    assert ingress.process.poll() is None, (ingress.folder / "ingress.log").read_text()
    with suppress(urllib3.exceptions.HTTPError):
        return ingress.client.request("GET", f"https://127.0.0.1:{ingress.port}/healthz").status == 200
    return False
