"""What people who sign in cost devices: ``scripts/bench-api sign-ins``.

Devices call a pair at a steady rate, half of them plain and half by TLS, each on a connection of its own. In every
other round, people sign in beside them: the operators' instance computes argon2id for each. Rounds with and without
alternate, so what else the machine does meets both. The ratio of the two tells; a machine that is busy tells nothing.
"""

import argparse
import json
import os
import re
import socket
import ssl
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.pair import REQUEST
from tests.bench.report import clean_up_when_terminated, percentile, progress, progress_ends, row, say, write_json
from tests.support.commands import engage, ok
from tests.support.installation import make_installation
from tests.support.running import RunningPair, running_pair

_NAME, _PASSWORD = "anna", "correct horse battery"  # of a throw-away installation
_WIDTHS = (-26, 10, 10, 10, 10, 12)
_THREADS = 8


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-api sign-ins")
    parser.add_argument("--rounds", type=int, default=6, help="of each kind")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round")
    parser.add_argument("--per-minute", type=float, default=200.0, help="sign-ins")
    parser.add_argument("--devices", type=float, default=40.0, help="connections a second")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clean_up_when_terminated()
    say(f"load average at the start: {os.getloadavg()[0]:.1f}")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_pair(make_installation(Path(folder)), "--workers", "1") as pair,
    ):
        add_person(pair)
        taken = _rounds(pair, options)
    figures = {name: _figures(each) for name, each in taken.items()}
    say(row(("rounds", "answers", "p50", "p99", "most", "sign-ins"), _WIDTHS))
    for name, of in figures.items():
        times = (f"{of[key]:.1f} ms" for key in ("p50", "p99", "most"))
        say(row((name, int(of["answers"]), *times, int(of["sign_ins"])), _WIDTHS))
    with_, without = figures["with sign-ins"]["p99"], figures["without"]["p99"]
    say(f"p99 with sign-ins is {with_ / without:.2f} times that without")
    write_json(options.json, figures)


class Taken:
    """What the rounds of one kind took."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.sign_ins = 0


def _rounds(pair: RunningPair, options: argparse.Namespace) -> dict[str, Taken]:
    taken = {"without": Taken(), "with sign-ins": Taken()}
    for number in range(2 * options.rounds):
        name = list(taken)[number % 2]
        progress(f"round {number + 1} of {2 * options.rounds}: {name}")
        over, mine = threading.Event(), taken[name]
        people = threading.Thread(target=_sign_in_until, args=(pair, over, options.per_minute, mine))
        if name != "without":
            people.start()
        mine.seconds += visits(pair, options.seconds, options.devices)
        over.set()
        if name != "without":
            people.join()
    progress_ends()
    return taken


def _figures(taken: Taken) -> Mapping[str, float]:
    milliseconds = [each * 1000 for each in taken.seconds]
    return {
        "answers": len(milliseconds),
        "p50": percentile(milliseconds, 0.5),
        "p99": percentile(milliseconds, 0.99),
        "most": max(milliseconds),
        "sign_ins": taken.sign_ins,
    }


def visits(pair: RunningPair, seconds: float, rate: float) -> list[float]:
    """Devices at a steady rate; how long each waited from its first byte to the last one of the answer."""
    begin = time.monotonic()
    kinds = (visit_plain, visit_tls)

    def visit(number: int) -> float:
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        return kinds[number % 2](pair)

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(visit, range(int(seconds * rate))))


def visit_plain(pair: RunningPair) -> float:
    """One device by plain HTTP. How long it took."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", pair.http_port)) as connection:
        _ask(connection.sendall, connection.recv)
    return time.perf_counter() - begun


def visit_tls(pair: RunningPair) -> float:
    """One device by TLS. How long it took."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    begun = time.perf_counter()
    with (
        socket.create_connection(("127.0.0.1", pair.https_port)) as plain,
        context.wrap_socket(plain, suppress_ragged_eofs=True) as connection,
    ):
        _ask(connection.sendall, connection.recv)
    return time.perf_counter() - begun


def _ask(send: Callable[[bytes], Any], receive: Callable[[int], bytes]) -> None:
    send(REQUEST)
    answer = b""
    while more := receive(65536):
        answer += more
    assert answer.startswith(b"HTTP/1.1 200 OK"), answer[:100]


def _sign_in_until(pair: RunningPair, over: threading.Event, per_minute: float, taken: Taken) -> None:
    """People at a steady rate. Each waits for the one before: the rate is met while argon2id takes less than that."""
    begin, number = time.monotonic(), 0
    while not over.wait(max(0.0, begin + number * 60 / per_minute - time.monotonic())):
        assert post(pair, "/sign-in", name=_NAME, password=_PASSWORD).startswith(b"HTTP/1.1 303")
        number += 1
        taken.sign_ins += 1


def add_person(pair: RunningPair, role: str = "viewer") -> bytes:
    """A person with a password, by their link. The answer that signs them in is returned."""
    told = json.loads(ok(engage(pair.folder, "people", "add", _NAME, "--role", role, "--json")))
    link = next(str(each) for each in told.values() if "/sign-in/" in str(each))
    (path,) = re.findall(r"/sign-in/\S+", link)
    answer = post(pair, path, password=_PASSWORD, again=_PASSWORD)
    assert answer.startswith(b"HTTP/1.1 303")
    return answer


def post(pair: RunningPair, path: str, **form: str) -> bytes:
    body = urllib.parse.urlencode(form)
    host = f"localhost:{pair.operators_port}"
    fields = f"Host: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\nContent-Length: {len(body)}"
    kind = "Content-Type: application/x-www-form-urlencoded"
    answer = b""
    with socket.create_connection(("127.0.0.1", pair.operators_port)) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\n{kind}\r\n\r\n{body}".encode())
        while more := connection.recv(65536):
            answer += more
    return answer


if __name__ == "__main__":
    main()
