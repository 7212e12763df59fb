"""``scripts/soak``: a pair among thousands of bad clients, for half an hour: is a right device served, is memory flat?

Everything goes to a pair of its own on 127.0.0.1, and ends by itself.
"""

import argparse
import ssl
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.end_to_end.conftest import make_installation
from tests.end_to_end.running import RunningPair, eventually, running_pair
from tests.hostile import Crowd, ask


def kibibytes(pid: int) -> int:
    """Resident memory."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def descriptors(pid: int) -> int:
    """Open file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def row(pair: RunningPair, crowd: Crowd, minute: float, seconds: list[float], failed: int) -> str:
    """One line of the table."""
    memory = " ".join(f"{kibibytes(pid) / 1024:6.1f}" for pid in (*pair.workers(), *pair.transfer()))
    files = " ".join(f"{descriptors(pid):5}" for pid in pair.workers())
    ordered = sorted(seconds)
    p99 = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
    middle = statistics.median(ordered) if ordered else 0.0
    bad = f"{minute:5.1f} {len(crowd):6} {sum(crowd.opened.values()):8}"
    right = f"{len(seconds):6} {failed:4} {middle * 1e3:7.1f} {p99 * 1e3:7.1f}"
    return f"{bad} | {memory} | {files} | {right}"


def main() -> None:
    """Run, and print a line a minute."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--bad", type=int, default=5000, metavar="COUNT", help="bad connections at once")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = make_installation(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-soak"))))
        pair = stack.enter_context(running_pair(folder, "--workers", "2"))
        crowd = stack.enter_context(Crowd(pair.http_port, pair.https_port, options.bad, addresses=50))
        context = ssl.create_default_context(cafile=str(folder / "certs" / "main" / "partner_CA.pem"))
        eventually(lambda: len(crowd) >= options.bad * 0.9, "the crowd is there", 120)
        say("minute  bad   opened  | MiB: http, https workers, operators | descriptors | asked fail  p50 ms  p99 ms")
        begun, failed, total = time.monotonic(), 0, 0
        for minute in range(1, int(options.minutes) + 1):
            seconds: list[float] = []
            while time.monotonic() - begun < minute * 60:
                try:
                    seconds.append(ask(pair.http_port, None))
                    seconds.append(ask(pair.https_port, context))
                except (OSError, AssertionError) as error:
                    failed += 1
                    say(f"failed: {error!r}"[:200])
                time.sleep(0.1)
            total += len(seconds)
            say(row(pair, crowd, minute, seconds, failed))
    say(f"{total} right calls, {failed} failed; bad connections opened: {dict(crowd.opened)}")
    sys.exit(1 if failed else 0)


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201  # a program's output


if __name__ == "__main__":
    main()
