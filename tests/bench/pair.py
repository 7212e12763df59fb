"""``scripts/bench``: server CPU for each connection, side by side with nginx and with gunicorn as it comes.

One client, one connection at a time, or with ``--concurrency N`` N clients at once. The servers' CPU time comes from
the kernel's scheduler, in nanoseconds. The rounds of the servers are interleaved, and the table shows medians and the
ratio to nginx of the same run. Our pair runs with access log, metrics and sightings on; nginx with its access log.
Counted are the processes that serve; the one that stores the sightings later is told apart.
"""

import argparse
import json
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.support.installation import make_installation
from tests.support.processes import processes_of
from tests.support.running import NOTICE, RunningPair, eventually, free_ports, running_pair

KEPT = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
REQUEST = KEPT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
REQUESTS_ON_ONE_CONNECTION = 100

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log {folder}/access.log; default_type application/json; root {folder}/www; keepalive_requests 100000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{http}; }}
    server {{ listen 127.0.0.1:{https} ssl; ssl_certificate {certs}/partner_server.pem;
             ssl_certificate_key {certs}/partner_server.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT; }}
}}
"""

PLAIN_GUNICORN = """
from flask import Flask, Response
app = Flask(__name__)
BODY = open({body!r}, "rb").read()
@app.get({notice!r})
def notice():
    return Response(BODY, content_type="application/json")
"""


class Server:
    """Something that answers on two ports, and the processes whose CPU counts."""

    def __init__(self, name: str, http: int, https: int, pids: Callable[[], list[int]]) -> None:
        self.name = name
        self.http = http
        self.https = https
        self.pids = pids

    def cpu_seconds(self) -> float:
        """Time on a CPU of all its processes' threads so far, by the kernel's count."""
        return sum(cpu_seconds(pid) for pid in self.pids())


def cpu_seconds(pid: int) -> float:
    """Of all threads of one process."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # it has ended
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def plain(port: int, count: int) -> None:
    """New connections with one request each."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(REQUEST)
            while connection.recv(65536):
                pass


def kept_alive(port: int, count: int) -> None:
    """Many requests on each connection."""
    for done in range(0, count, REQUESTS_ON_ONE_CONNECTION):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for _ in range(min(REQUESTS_ON_ONE_CONNECTION, count - done)):
                connection.sendall(KEPT)
                answer = b""
                while not answer.endswith(b'"}'):
                    answer += connection.recv(65536)


def tls(version: ssl.TLSVersion, ciphers: str = "") -> Callable[[int, int], None]:
    """New connections with a full handshake of this version, and one request each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)

    def connect(port: int, count: int) -> None:
        for _ in range(count):
            with (
                socket.create_connection(("127.0.0.1", port)) as raw,
                context.wrap_socket(raw, suppress_ragged_eofs=True) as connection,
            ):
                assert not connection.session_reused
                connection.sendall(REQUEST)
                while connection.recv(65536):
                    pass

    return connect


def at_once(load: Callable[[int, int], None], port: int, count: int, clients: int) -> int:
    """Share a load out among so many clients, all at it at the same time; how much it was, none less than asked for."""
    share = -(-count // clients)
    if clients == 1:
        load(port, count)
    else:
        with ThreadPoolExecutor(clients) as threads:
            for client in [threads.submit(load, port, share) for _ in range(clients)]:
                client.result()
    return share * clients


def microseconds(
    server: Server, load: Callable[[int, int], None], port: int, count: int, concurrency: int = 1
) -> float:
    """Server CPU for each connection or request."""
    begun = server.cpu_seconds()
    done = at_once(load, port, count, concurrency)
    time.sleep(0.05)
    return (server.cpu_seconds() - begun) / done * 1e6


@contextmanager
def process(command: list[str], folder: Path, port: int) -> Iterator[int]:
    """A server process that listens."""
    with (folder / "peer.log").open("ab") as log:
        running = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            eventually(lambda: _listens(port), " ".join(command))
            yield running.pid
        finally:
            running.terminate()
            running.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def peers(stack: ExitStack, folder: Path, pair: RunningPair) -> list[Server]:
    """nginx (if it is installed) and gunicorn as it comes, serving the same bytes with the same chain."""
    certs, found = folder / "certs" / "main", []
    body = pair.raw_http(REQUEST).partition(b"\r\n\r\n")[2]
    (folder / f"www{NOTICE}").parent.mkdir(parents=True)
    (folder / f"www{NOTICE}").write_bytes(body)
    for parent in [folder, *folder.parents][:2]:
        parent.chmod(0o755)  # nginx's worker is another user
    if shutil.which("nginx"):
        http, https = free_ports()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, http=http, https=https, certs=certs))
        command = ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        pid = stack.enter_context(process(command, folder, https))
        found.append(Server("nginx", http, https, lambda: list(processes_of(pid))))
    (folder / "plain_app.py").write_text(PLAIN_GUNICORN.format(body=str(folder / f"www{NOTICE}"), notice=NOTICE))
    http, https = free_ports()
    common = [sys.executable, "-m", "gunicorn", "plain_app:app", "--threads", "16", "--no-control-socket"]
    common += ["--access-logfile", str(folder / "gunicorn.log")]
    keys = ["--certfile", str(certs / "partner_server.pem"), "--keyfile", str(certs / "partner_server.key")]
    keys += ["--ciphers", "DEFAULT"]
    one = stack.enter_context(process([*common, "--bind", f"127.0.0.1:{http}"], folder, http))
    two = stack.enter_context(process([*common, *keys, "--bind", f"127.0.0.1:{https}"], folder, https))
    found.append(Server("gunicorn as it comes", http, https, lambda: [*processes_of(one), *processes_of(two)]))
    return found


CASES: list[tuple[str, Callable[[int, int], None], bool, int]] = [
    ("TLS 1.2, new connection + notice", tls(ssl.TLSVersion.TLSv1_2), True, 200),
    ("TLS 1.3, new connection + notice", tls(ssl.TLSVersion.TLSv1_3), True, 200),
    ("TLS 1.2 with RSA key exchange", tls(ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"), True, 200),
    ("plain, new connection + notice", plain, False, 1000),
    ("plain, kept alive, each notice", kept_alive, False, 3000),
]


def _without(pid: int, left_out: set[int]) -> list[int]:
    """A process and all below it, but for some."""
    return [*set(processes_of(pid)) - left_out]


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--concurrency", type=int, default=1, metavar="N", help="how many connections at once")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    figures: dict[str, dict[str, list[float]]] = {name: {} for name, *_ in CASES}
    with ExitStack() as stack:
        folder = make_installation(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-bench"))))
        one, two = (stack.enter_context(running_pair(folder, "--workers", str(n))) for n in (1, 2))
        transfer = {pid for pair in (one, two) for pid in pair.transfer()}
        ours = [
            Server(name, pair.http_port, pair.https_port, partial(_without, pair.process.pid, transfer))
            for name, pair in (("engage-server", one), ("engage-server, 2 workers", two))
        ]
        storing = Server("into the database", 0, 0, lambda: [*transfer])
        servers = [*ours, *peers(stack, folder, one)]
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds} ...", file=sys.stderr)  # noqa: T201  # a program's output
            for name, load, secure, count in CASES:
                for server in servers:
                    port = server.https if secure else server.http
                    figures[name].setdefault(server.name, []).append(
                        microseconds(server, load, port, count, options.concurrency)
                    )
        time.sleep(3)  # until the last sightings are stored
        stored = sum(pair.metrics()["engage_sightings_stored_total"] for pair in (one, two))
        storing_each = storing.cpu_seconds() / stored * 1e6
        shares = accepted_by_each_worker(two)
    _print(figures)
    print(f"storing what devices did, in another process, later: {storing_each:.0f} us CPU for each sighting")  # noqa: T201  # a program's output
    print(f"connections accepted by each of two workers: {shares}")  # noqa: T201  # a program's output
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "concurrency": options.concurrency,
                    "microseconds": figures,
                    "storing": storing_each,
                    "accepted": shares,
                },
                indent=2,
            )
            + "\n"
        )


def accepted_by_each_worker(pair: RunningPair) -> dict[str, list[int]]:
    """How even the load was."""
    name = re.compile(r'engage_connections_accepted_total\{listener="(https?)",process="(\d+)"\}')
    found: dict[str, list[int]] = {}
    for key, value in pair.metrics().items():
        if match := name.fullmatch(key):
            found.setdefault(match[1], []).append(int(value))
    return found


def _print(figures: dict[str, dict[str, list[float]]]) -> None:
    for name, by_server in figures.items():
        medians = {server: statistics.median(values) for server, values in by_server.items()}
        base = medians.get("nginx")
        print(name)  # noqa: T201  # a program's output
        for server, median in medians.items():
            ratio = f"{median / base:6.2f} x nginx" if base else ""
            print(f"  {server:<24} {median:7.0f} us CPU  {ratio}")  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
