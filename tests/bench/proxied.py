"""``scripts/bench --proxy``: server CPU for each connection with the PROXY protocol on, and without it, in one run.

Three servers are measured in rounds: a pair without ``proxy_protocol_from``, one with it that is called directly, and
the same one called as a balancer does. In each round they are called in turns of some connections, because the speed
of a shared machine changes from second to second. The ratio of a round is to the first pair in the same round.
"""

import argparse
import json
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from engage_server.protocol.proxy_protocol import SIGNATURE
from tests.bench.pair import REQUEST, cpu_seconds
from tests.support.installation import make_installation
from tests.support.processes import processes_of
from tests.support.running import RunningPair, running_pair

BALANCER, NEIGHBOUR = "127.0.0.2", "127.0.0.3"
HEADER = SIGNATURE + b"\x21\x11\x00\x0c" + bytes((127, 0, 0, 9, 127, 0, 0, 1)) + b"\xc3\x50\x01\xbb"
TURNS = 20  # of each server in a round
_SETTLE_SECONDS = 0.005  # until the server has closed the last connection
GOAL = 1.03  # at most so much of the CPU without the protocol

WITHOUT, DIRECT, BY_HEADER = "without the setting", "with it, called directly", "with it, by a header"
Load = Callable[[int, str, bytes], None]


def plain(port: int, source: str, header: bytes) -> None:
    """One connection with one request."""
    with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as connection:
        connection.sendall(header + REQUEST)
        while connection.recv(65536):
            pass


def tls(version: ssl.TLSVersion) -> Load:
    """One connection with a full handshake of this version, and one request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version

    def connect(port: int, source: str, header: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as raw:
            if header:
                raw.sendall(header)
            with context.wrap_socket(raw, suppress_ragged_eofs=True) as connection:
                connection.sendall(REQUEST)
                while connection.recv(65536):
                    pass

    return connect


CASES: list[tuple[str, Load, bool, int]] = [
    ("TLS 1.2, new connection + notice", tls(ssl.TLSVersion.TLSv1_2), True, 200),
    ("TLS 1.3, new connection + notice", tls(ssl.TLSVersion.TLSv1_3), True, 200),
    ("plain, new connection + notice", plain, False, 1000),
]


def _serving_cpu(pair: RunningPair) -> float:
    return sum(cpu_seconds(pid) for pid in {*processes_of(pair.process.pid)} - {*pair.transfer()})


def microseconds(pair: RunningPair, load: Load, port: int, count: int, source: str, header: bytes) -> float:
    """Server CPU for each connection."""
    begun = _serving_cpu(pair)
    for _ in range(count):
        load(port, source, header)
    time.sleep(_SETTLE_SECONDS)
    return (_serving_cpu(pair) - begun) / count * 1e6


def measured(without: RunningPair, on: RunningPair, rounds: int) -> dict[str, dict[str, list[float]]]:
    """The figures of each case and server, one for each round."""
    servers = [(WITHOUT, without, NEIGHBOUR, b""), (DIRECT, on, NEIGHBOUR, b""), (BY_HEADER, on, BALANCER, HEADER)]
    figures: dict[str, dict[str, list[float]]] = {name: {each: [] for each, *_ in servers} for name, *_ in CASES}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} ...", file=sys.stderr)  # noqa: T201  # a program's output
        for name, load, secure, count in CASES:
            spent: dict[str, list[float]] = {server: [] for server, *_ in servers}
            for turn in range(TURNS):
                begin = (number + turn) % len(servers)
                for server, pair, source, header in servers[begin:] + servers[:begin]:
                    port = pair.https_port if secure else pair.http_port
                    spent[server].append(microseconds(pair, load, port, count // TURNS, source, header))
            for server, values in spent.items():
                figures[name][server].append(statistics.mean(values))
    return figures


def ratios(by_server: dict[str, list[float]]) -> dict[str, float]:
    """The median over the rounds of each server's ratio to the first one."""
    base = by_server[WITHOUT]
    return {
        server: statistics.median(each / first for each, first in zip(values, base, strict=True))
        for server, values in by_server.items()
    }


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="scripts/bench --proxy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = make_installation(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-bench"))))
        start = partial(running_pair, folder, "--workers", "1")
        without = stack.enter_context(start())
        on = stack.enter_context(start(ENGAGE_PROXY_PROTOCOL_FROM=f"{BALANCER}/32"))
        figures = measured(without, on, options.rounds)
    for name, by_server in figures.items():
        print(name)  # noqa: T201  # a program's output
        for server, ratio in ratios(by_server).items():
            goal = "" if ratio <= GOAL else f"  more than {GOAL:.2f}"
            shown = f"  {server:<26} {statistics.median(by_server[server]):7.0f} us CPU  {ratio:6.3f} x{goal}"
            print(shown)  # noqa: T201  # a program's output
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
