"""What the console's pages cost with very many doors: ``scripts/bench-console``.

Fills an installation with doors, past the services, and serves it. Each page is asked for again and again with the
session of a person who may see everything, beside the question of the API that has the same answer. The time is that
of a client on this machine, from its first byte to the last one of the answer.

Then devices call: at a steady rate, and in a burst, each of some clients as often as it can. In every other round,
browsers reload pages meanwhile. Rounds with and without alternate, so what else the machine does meets both. The ratio
of the two tells.
"""

import argparse
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from engage_server.store.database.engine import open_engine, writing
from tests.bench.report import clean_up_when_terminated, percentile, progress, progress_ends, row, say, write_json
from tests.bench.sign_ins import add_person, visit_plain, visit_tls, visits
from tests.support.chains import HOSTS
from tests.support.commands import engage, ok
from tests.support.filling import RARE_WORD, count_anew, fill_devices, fill_labels
from tests.support.installation import make_installation
from tests.support.postgresql import postgres_server
from tests.support.running import RunningPair, running_pair
from tests.support.world import serial_of

_GOAL_MILLISECONDS, _GOAL_BYTES = 300, 100_000
_DOOR = serial_of(4711)
# a page -> the API's question that has the same answer; "" for none
_QUESTIONS = {
    "/": "/tonight",
    "/tonight/walk-list": "/tonight",
    "/sites/main": "/sites/main",
    "/sites/main/doors": "/sites/main/devices?limit=100",
    f"/sites/main/doors?search={RARE_WORD}": f"/sites/main/devices?limit=100&search={RARE_WORD}",
    "/sites/main/doors?search=A0B1": "/sites/main/devices?limit=100&search=A0B1",
    "/sites/main/doors?show=troubled": "/sites/main/devices?limit=100&troubled=true",
    "/sites/main/doors?show=missing": "/sites/main/devices?limit=100&missing=true&release=2",
    "/sites/main/doors?show=unseen": "",
    f"/sites/main/doors/{_DOOR}": f"/sites/main/devices/{_DOOR}",
    "/sites/main/releases": "/sites/main/releases",
    "/sites/main/rotation": "",
    "/audit-log": "/audit-log",
    "/about": "",
}
_RELOADED = ("/", "/sites/main/doors", "/sites/main")
_WIDTHS = (-44, 10, 10, 10, 12, 12)


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench-console")
    parser.add_argument("--doors", type=int, default=1_000_000)
    parser.add_argument("--asks", type=int, default=30, help="of each page")
    parser.add_argument("--rounds", type=int, default=3, help="of devices, of each kind")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a round")
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--pace", type=float, default=10.0, help="seconds between two pages of a browser")
    parser.add_argument("--devices", type=float, default=40.0, help="connections a second, at the steady rate")
    parser.add_argument("--clients", type=int, default=8, help="of the burst, each with one connection at a time")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    clean_up_when_terminated()
    say(f"load average at the start: {os.getloadavg()[0]:.1f}")
    with ExitStack() as until_the_end:
        folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/data/engage.db"
        if options.database == "postgresql":
            url = until_the_end.enter_context(postgres_server()).new_database()
            (folder / "engage.toml").write_text(f"database_url = {json.dumps(url)}\n", encoding="utf-8")
        _fill(folder, url, options.doors)
        pair = until_the_end.enter_context(running_pair(folder, "--workers", "1"))
        session = _cookie(add_person(pair, "admin"))
        figures: dict[str, Any] = {"database": options.database, "pages": _pages(pair, session, options.asks)}
        at_a_rate = partial(visits, pair, options.seconds, options.devices)
        figures["devices"] = _beside_browsers("steady rate", at_a_rate, pair, session, options)
        in_a_burst = partial(_burst, pair, options.seconds, options.clients)
        figures["burst"] = _beside_browsers("burst", in_a_burst, pair, session, options)
    write_json(options.json, figures)


def _fill(folder: Path, url: str, doors: int) -> None:
    """A site that serves its second release, to which all doors came but one in some thousands."""
    make_installation(folder)
    hosts = [text for host in HOSTS for text in ("--host", host.text)]
    ok(engage(folder, "chain", "build", "two", *hosts))
    ok(engage(folder, "release", "stage", "two"))
    ok(engage(folder, "release", "activate", 2, "--yes"))
    progress(f"filling {doors} doors")
    engine = open_engine(url)
    with writing(engine, None) as connection:
        fill_devices(connection, "main", doors, datetime.now(UTC), HOSTS[0].text)
        fill_labels(connection, "main", doors)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        count_anew(connection)
    engine.dispose()
    progress_ends()


def _pages(pair: RunningPair, session: str, asks: int) -> dict[str, Mapping[str, float]]:
    bearer = f"Authorization: Bearer {ok(engage(pair.folder, 'token', 'add', 'bench', '--role', 'admin')).strip()}"
    say(row(("page", "first", "p50", "p95", "bytes", "API's p95"), _WIDTHS))
    found: dict[str, Mapping[str, float]] = {}
    for path, question in _QUESTIONS.items():
        of_page = _asked(pair, path, session, asks)
        of_api = _asked(pair, f"/api/v1{question}", bearer, asks) if question else {}
        found[path] = {**of_page, **{f"api_{name}": value for name, value in of_api.items()}}
        times = (f"{of_page[key]:.1f} ms" for key in ("first", "p50", "p95"))
        peer = f"{of_api['p95']:.1f} ms" if of_api else ""
        say(row((path.replace(_DOOR, "DOOR"), *times, int(of_page["bytes"]), peer), _WIDTHS))
    slowest, largest = (max(each[key] for each in found.values()) for key in ("p95", "bytes"))
    say(f"the slowest p95: {slowest:.1f} ms (goal: below {_GOAL_MILLISECONDS})")
    say(f"the largest page: {largest:.0f} bytes (goal: below {_GOAL_BYTES})")
    return found


def _asked(pair: RunningPair, path: str, field: str, asks: int) -> dict[str, float]:
    taken, octets = [], 0
    for _ in range(asks):
        begun = time.perf_counter()
        octets = len(_got(pair, path, field).partition(b"\r\n\r\n")[2])
        taken.append((time.perf_counter() - begun) * 1000)
    return {"first": taken[0], "p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95), "bytes": octets}


def _burst(pair: RunningPair, seconds: float, clients: int) -> list[float]:
    """Some clients, each of which connects again as soon as it has its answer. How long each connection took."""
    until = time.monotonic() + seconds

    def call(_: int) -> list[float]:
        taken = []
        while time.monotonic() < until:
            taken += [visit(pair) for visit in (visit_plain, visit_tls)]
        return taken

    with ThreadPoolExecutor(clients) as threads:
        return [each for taken in threads.map(call, range(clients)) for each in taken]


def _beside_browsers(
    name: str, devices: Callable[[], list[float]], pair: RunningPair, session: str, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {"without": [], "with browsers": []}
    pages: list[float] = []
    for number in range(2 * options.rounds):
        kind = list(taken)[number % 2]
        progress(f"{name}, round {number + 1} of {2 * options.rounds}: {kind}")
        over = threading.Event()
        count = options.browsers if kind != "without" else 0
        browsers = [
            threading.Thread(
                target=_browse, args=(pair, session, over, options.pace * each / count, options.pace, pages)
            )
            for each in range(count)
        ]
        for each in browsers:
            each.start()
        taken[kind] += [1000 * each for each in devices()]
        over.set()
        for each in browsers:
            each.join()
    progress_ends()
    return _told(name, {**{kind: _figures(each) for kind, each in taken.items()}, "pages of browsers": _figures(pages)})


def _told(name: str, figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    say(row((f"{name} of devices", "p50", "p95", "p99", "answers", ""), _WIDTHS))
    for kind, of in figures.items():
        say(row((kind, *(f"{of[key]:.1f} ms" for key in ("p50", "p95", "p99")), int(of["answers"]), ""), _WIDTHS))
    with_, without = figures["with browsers"], figures["without"]
    say(f"with browsers, p99 is {with_['p99'] / without['p99']:.2f} times that without")
    say(f"with browsers, {with_['answers'] / without['answers']:.2f} times as many answers as without")
    return figures


def _figures(milliseconds: list[float]) -> dict[str, float]:
    parts = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"answers": len(milliseconds), **{name: percentile(milliseconds, part) for name, part in parts.items()}}


def _browse(
    pair: RunningPair, session: str, over: threading.Event, after: float, pace: float, taken: list[float]
) -> None:
    """One browser that reloads pages until it is over. It begins after some seconds: not all at once."""
    wait, number = after, 0
    while not over.wait(wait):
        begun = time.perf_counter()
        _got(pair, _RELOADED[number % len(_RELOADED)], session)
        taken.append((time.perf_counter() - begun) * 1000)
        wait, number = pace, number + 1


def _cookie(answer: bytes) -> str:
    found = re.search(rb"(?i)set-cookie: ([^;\r]+)", answer)
    assert found, answer[:200]
    return f"Cookie: {found[1].decode()}"


def _got(pair: RunningPair, path: str, field: str) -> bytes:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{pair.operators_port}\r\n{field}\r\nConnection: close\r\n\r\n"
    answer = bytearray()
    with socket.create_connection(("127.0.0.1", pair.operators_port)) as connection:
        connection.sendall(request.encode())
        while more := connection.recv(65536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 200 OK"), (path, bytes(answer[:300]))
    return bytes(answer)


if __name__ == "__main__":
    main()
