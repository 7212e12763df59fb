"""``scripts/soak``: a pair among bad clients: are right devices served, and is memory flat?

Without options: thousands of bad clients of thirteen kinds, for half an hour, with two workers in each instance.
--attacks: one named attack after the other beside right devices, with one worker in each instance.
--floods: three floods that ask for memory.
--crowd: more connections than the limits allow, which come, give way and go.

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

from tests.bench.attacks import attacks
from tests.bench.floods import crowd, floods
from tests.bench.report import clean_up_when_terminated, say
from tests.support.attackers import ATTACKS
from tests.support.hostile import Crowd, ask
from tests.support.installation import make_installation
from tests.support.running import RunningPair, eventually, running_pair

EXAMPLES = """examples:
  scripts/soak --attacks --seconds 20 --json attacks.json
  scripts/soak --attacks "silent TLS" hellos --seconds 5
  scripts/soak --floods
  scripts/soak --crowd 15000 --seconds 600"""


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
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--attacks",
        nargs="*",
        metavar="NAME",
        help=f"all, or those whose name contains one of these words: {', '.join(ATTACKS)}",
    )
    which.add_argument("--floods", action="store_true", help="exit status 1 when a worker takes more than 300 MiB")
    which.add_argument("--crowd", type=int, nargs="?", const=15_000, metavar="COUNT", help="connections; default 15000")
    parser.add_argument("--seconds", type=float, help="of each attack (20), of each flood (30), of the crowd (600)")
    parser.add_argument("--minutes", type=float, default=30, help="without --attacks, --floods, --crowd")
    parser.add_argument("--bad", type=int, default=5000, metavar="COUNT", help="bad connections at once; the same")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of --attacks, --floods, --crowd")
    options = parser.parse_args()
    clean_up_when_terminated()
    if options.attacks is not None:
        sys.exit(attacks(options.seconds or 20, options.attacks, options.json))
    if options.floods:
        sys.exit(floods(options.seconds or 30, options.json))
    if options.crowd is not None:
        sys.exit(crowd(options.crowd, options.seconds or 600, options.json))
    sys.exit(half_an_hour(options.minutes, options.bad))


def half_an_hour(minutes: float, bad: int) -> int:
    """Among bad clients of all kinds: prints a line a minute; the exit status."""
    with ExitStack() as stack:
        folder = make_installation(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-soak"))))
        pair = stack.enter_context(running_pair(folder, "--workers", "2"))
        crowd = stack.enter_context(Crowd(pair.http_port, pair.https_port, bad, addresses=50))
        context = ssl.create_default_context(cafile=str(folder / "certs" / "main" / "partner_CA.pem"))
        eventually(lambda: len(crowd) >= bad * 0.9, "the crowd is there", 120)
        say("minute  bad   opened  | MiB: http, https workers, operators | descriptors | asked fail  p50 ms  p99 ms")
        begun, failed, total = time.monotonic(), 0, 0
        for minute in range(1, int(minutes) + 1):
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
    return 1 if failed else 0


if __name__ == "__main__":
    main()
