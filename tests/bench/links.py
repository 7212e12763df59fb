"""``scripts/bench-links PARTNER``: messages of a partner a second, through the running ingress, kept alive, one worker.

Each message is another one, so each is proven, read and kept. The client shares the machine. So the CPU seconds of the
worker are the better figure: messages for each of them is what one core takes.

Each partner has a module here with ``prepared(folder, count)``.
"""

import argparse
import importlib
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no stubs

from tests.support.ingress import RunningIngress, read_answer, running_ingress

PARTNERS = {
    "kpn": "tests.bench.kpn_messages",
    "m2u": "tests.bench.m2u_messages",
    "telekom": "tests.bench.telekom_messages",
}


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured.

    Attributes:
        name: For the report.
        links: ``links.toml``, in which the host has the name of :data:`HOST`.
        requests: Each a whole request.
        status: What each must be answered with.
    """

    name: str
    links: str
    requests: Sequence[bytes]
    status: int


HOST = "links.example.org"


def measured(folder: Path, load: Load, connections: int) -> tuple[float, float, int]:
    """The seconds, the CPU seconds of the worker, and the events that were kept."""
    with running_ingress(folder, load.links) as ingress:
        workers = [psutil.Process(process) for process in ingress.descendants()]
        _send(ingress, load, load.requests[:connections], connections)  # the handshake's and the first call's costs
        rest = load.requests[connections:]
        cpu, begun = _cpu(workers), time.perf_counter()
        _send(ingress, load, rest, connections)
        seconds, used = time.perf_counter() - begun, _cpu(workers) - cpu
        return seconds, used, ingress.events.count("\n")


def _cpu(processes: Sequence[psutil.Process]) -> float:
    times = [each.cpu_times() for each in processes]
    return float(sum(each.user + each.system for each in times))


def _send(ingress: RunningIngress, load: Load, requests: Sequence[bytes], connections: int) -> None:
    failures: list[bytes] = []

    def one(share: Sequence[bytes]) -> None:
        with closing(ingress.connect(HOST)) as connection:
            for request in share:
                connection.sendall(request)
                answer = read_answer(connection)
                if int(answer.split(b" ", 2)[1]) != load.status:
                    failures.append(answer)
                    return

    threads = [threading.Thread(target=one, args=(requests[begin::connections],)) for begin in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench-links", description=__doc__)
    parser.add_argument("partner", choices=PARTNERS)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    for make in importlib.import_module(PARTNERS[options.partner]).LOADS:
        with tempfile.TemporaryDirectory() as name:
            load: Load = make(Path(name), options.count + options.connections)
            seconds, used, kept = measured(Path(name), load, options.connections)
        print(  # noqa: T201  # a program's output
            f"{load.name}: {options.count / seconds:.0f} a second by the clock, "
            f"{options.count / used:.0f} for each CPU second of the ingress "
            f"({1000 * used / options.count:.2f} ms each); {kept} events kept"
        )


if __name__ == "__main__":
    main()
