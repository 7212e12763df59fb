"""``scripts/bench-idle``: what a connection that waits costs in memory, by the thousands.

Connections to a pair of its own on 127.0.0.1, opened once, kept, counted, closed.
"""

import argparse
import resource
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.soak import kibibytes
from tests.support.installation import make_installation
from tests.support.running import NOTICE, RunningPair, eventually, running_pair

REQUEST = f"GET {NOTICE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def opened(pair: RunningPair, context: ssl.SSLContext | None, request: bytes, count: int) -> list[socket.socket]:
    """So many connections, each after a handshake and a request, if there is one."""
    found: list[socket.socket] = []
    for _ in range(count):
        connection: socket.socket = socket.create_connection(
            ("127.0.0.1", pair.https_port if context else pair.http_port), timeout=30
        )
        if context:
            connection = context.wrap_socket(connection)
        if request:
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b'"}'):
                answer += connection.recv(65536)
        found.append(connection)
    return found


def measure(pair: RunningPair, name: str, context: ssl.SSLContext | None, request: bytes, count: int) -> None:
    """Memory of the listener's one worker before and with these connections."""
    listener, phase = "https" if context else "http", "idle" if request else "header"
    pid = pair.workers()[1 if context else 0]
    for connection in opened(pair, context, request, 100):  # what is needed once
        connection.close()
    time.sleep(2)
    before = kibibytes(pid)
    held = opened(pair, context, request, count)
    figure = f'engage_connections_open{{listener="{listener}",phase="{phase}"}}'
    eventually(lambda: pair.metrics()[figure] >= count, "all are held")
    each = (kibibytes(pid) - before) / count
    print(f"{name:<44} {count:6} {each:8.2f} KiB each", flush=True)  # noqa: T201  # a program's output
    for connection in held:
        connection.close()


def main() -> None:
    """Measure, and print a line for each kind."""
    parser = argparse.ArgumentParser(prog="scripts/bench-idle", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < options.count + 200:
        sys.exit(f"this user may open {hard} files: ask for fewer with --count")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limits = {
        "ENGAGE_MAX_CONNECTIONS": str(options.count + 1000),
        "ENGAGE_MAX_CONNECTIONS_PER_ADDRESS": str(options.count + 1000),
        **{f"ENGAGE_{name}_SECONDS": "600" for name in ("HANDSHAKE", "HEADER", "KEEPALIVE")},
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    kinds = (
        ("plain, connected", None, b""),
        ("plain, kept alive after a notice", None, REQUEST),
        ("TLS, after the handshake", context, b""),
        ("TLS, kept alive after a notice", context, REQUEST),
    )
    with tempfile.TemporaryDirectory(prefix="engage-idle") as folder:
        make_installation(Path(folder))
        for name, tls, request in kinds:  # each with processes of its own: memory that was used once is kept
            with running_pair(Path(folder), "--workers", "1", **limits) as pair:
                measure(pair, name, tls, request, options.count)


if __name__ == "__main__":
    main()
