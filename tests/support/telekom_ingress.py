"""A running ingress that serves Telekom's test environment, for tests that call it as the portal would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engage_server.services.site_path.event_lines import event_of
from tests.support.chains import NOW
from tests.support.ingress import RunningIngress, host_files, running_ingress
from tests.support.telekom_links import write_links

HOST = "links.example.org"


@dataclass(frozen=True)
class TelekomIngress:
    """The ingress, and a caller of it."""

    running: RunningIngress

    def post(self, content: bytes, path: str = "/telekom/ta/m2madmcl") -> tuple[int, bytes]:
        """Send a message on a new connection; the status and the body of the answer."""
        status, answer = self.running.ask(request(content, path))
        return status, answer.partition(b"\r\n\r\n")[2]

    def events(self) -> list[dict[str, str]]:
        """The details of all events in the spool, with their keys."""
        found = [event_of(line.encode()) for line in self.running.events.splitlines()]
        return [dict(event.detail) | {"key": event.key} for event in found if event is not None]


def request(content: bytes, path: str = "/telekom/ta/m2madmcl", host: str = HOST) -> bytes:
    """The portal's request, to the byte."""
    fields = f'Host: {host}\r\nContent-Type: text/xml; charset=utf-8\r\nSOAPAction: ""\r\n'
    return f"POST {path} HTTP/1.1\r\n{fields}Content-Length: {len(content)}\r\n\r\n".encode() + content


def write_ingress_files(folder: Path) -> str:
    """Write all that the ingress needs; the text of ``links.toml``."""
    write_links(folder, NOW)
    host_files(folder, HOST)
    return (folder / "links.toml").read_text()


@contextmanager
def telekom_ingress(folder: Path, **environment: str) -> Iterator[TelekomIngress]:
    """An ingress that is ready, and is stopped at the end."""
    with running_ingress(folder, write_ingress_files(folder), **environment) as running:
        yield TelekomIngress(running)
