"""``scripts/bench-links telekom``: notifications a second through the running ingress, verified and answered signed."""

import argparse
import datetime as dt
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engage_server.links.telekom.messages.signing import sign
from engage_server.links.telekom.messages.verifying import verify
from tests.bench.pair import cpu_seconds, tree
from tests.bench.report import say
from tests.support.chains import NOW
from tests.support.installation import make_installation
from tests.support.signed_messages import NOTIFICATION, soap
from tests.support.telekom_ingress import TelekomIngress, telekom_ingress
from tests.support.telekom_links import parties, trust_in

GOAL = 200  # messages a second of one core


def main() -> None:
    """Measure, print, and fail below the goal."""
    parser = argparse.ArgumentParser(prog="scripts/bench-links telekom", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=4, help="Each kept alive.")
    options = parser.parse_args()
    portal, us = parties(NOW)
    at = dt.datetime.now(dt.UTC)
    bodies = (NOTIFICATION.replace("ACTIVE", f"{number}") for number in range(options.messages))
    messages = [sign(soap(body), portal, at) for body in bodies]
    with tempfile.TemporaryDirectory() as name:
        folder = make_installation(Path(name))
        with telekom_ingress(folder, ENGAGE_WORKERS="1", ENGAGE_ACCESS_LOG="false") as ingress:
            seconds, used, last = _measured(ingress, messages, options.connections)
            kept = len(ingress.events())
    verify(last, trust_in(us), dt.datetime.now(dt.UTC))
    of_a_core = len(messages) / used
    say(f"{len(messages)} messages of {len(messages[0])} bytes, {options.connections} connections kept alive, 1 worker")
    say(f"{len(messages) / seconds:7.0f} a second by the clock, beside the client that sends them")
    say(f"{of_a_core:7.0f} a second of one core: {used / len(messages) * 1000:.2f} ms of CPU each")
    say(f"{kept:7} events kept")
    if of_a_core < GOAL or kept != len(messages):
        sys.exit(f"the goal is {GOAL} a second, each kept as an event")


def _measured(ingress: TelekomIngress, messages: list[bytes], connections: int) -> tuple[float, float, bytes]:
    """The seconds that all took, the CPU that the worker used for them, and the last answer."""
    ingress.client.connection_pool_kw["maxsize"] = connections
    workers = tree(ingress.process.pid)
    before, begun = _cpu(workers), time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        answers = list(pool.map(ingress.post, messages))
    seconds, used = time.perf_counter() - begun, _cpu(workers) - before
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong:
        sys.exit(f"{len(wrong)} were not accepted, the first with {wrong[0]}")
    return seconds, used, answers[-1].data


def _cpu(processes: list[int]) -> float:
    return sum(cpu_seconds(each) for each in processes)


if __name__ == "__main__":
    main()
