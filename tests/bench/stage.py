"""A pair with devices, a site whose partner is slow, and what becomes of its workers while something is done to it."""

import json
import multiprocessing
import re
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.attackers import run
from tests.support.installation import make_installation
from tests.support.partner import Partner
from tests.support.processes import children_of
from tests.support.running import RunningPair, engage, eventually, ok, running_pair
from tests.support.strangers import Tally, Target
from tests.support.world import serial_of

LARGE = serial_of(1)  # the device with a database of 0.85 MiB
SMALL = [serial_of(number) for number in range(2, 42)]
AWAY = "away.example.org"
PARTNER_SECONDS = 9.0
_USERS = 8900
_SETTLED_SECONDS = 0.2


def prepare(folder: Path, partner: Partner) -> Path:
    """An installation with forty-one devices, and a second site whose calls go to the partner."""
    make_installation(folder)
    for serial in (LARGE, *SMALL):
        (folder / "in" / serial).mkdir(parents=True)
        users = [{"usrID": each, "credential": "0" * 60} for each in range(_USERS if serial == LARGE else 3)]
        records = {"deleteAll": 1, "delete": [], "update": [], "add": users}
        database = {"db": {"usrRcrd": records, "schedules": [{"days": ["Mo"]}]}, "nxtDbVerTS": "0x10"}
        (folder / "in" / serial / "database.json").write_text(json.dumps(database))
    ok(engage(folder, "device", "import", folder / "in", "--site", "main"))
    shutil.rmtree(folder / "in")
    ok(engage(folder, "site", "add", "away", "--host", AWAY, "--site-key-file", "site.key"))
    options = ("--upstream", partner.url, "--upstream-timeout", "12", "--unknown-devices", "enroll")
    ok(engage(folder, "site", "call-in", "away", *options))
    return folder


@contextmanager
def slow_partner() -> Iterator[Partner]:
    """A partner's system that takes its time."""
    partner = Partner(mode="slow", pause=PARTNER_SECONDS).start()
    try:
        yield partner
    finally:
        partner.stop()


@contextmanager
def one_worker_each(folder: Path, **environment: str) -> Iterator[RunningPair]:
    """The pair, with one worker in each instance."""
    with running_pair(folder, "--workers", "1", **environment) as pair:
        eventually(lambda: len(pair.workers()) == 2, "both workers")
        yield pair


def target_of(pair: RunningPair, held: int = 4960, addresses: int = 1) -> Target:
    """The pair, as attackers see it."""
    return Target(pair.http_port, pair.https_port, LARGE, AWAY, addresses, held)


@dataclass
class Workers:
    """What became of the workers that serve devices.

    Attributes:
        peaks: The most memory that one of each listener took, in MiB.
        deaths: How many were gone before they were asked to.
        last_words: The last exception in the log; "" for none.
    """

    peaks: dict[str, float] = field(default_factory=lambda: {"http": 0.0, "https": 0.0})
    deaths: int = 0
    last_words: str = ""


@contextmanager
def watched_workers(pair: RunningPair) -> Iterator[Workers]:
    """Look at the workers five times a second: memory by the kernel's own peak, deaths by process numbers."""
    found, stopped = Workers(), threading.Event()
    seen = set(pair.workers())

    def look() -> None:
        while not stopped.wait(_SETTLED_SECONDS):
            _look(pair, found, seen)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stopped.set()
        thread.join()
        _look(pair, found, seen)
        log = pair.log
        said = log.count("exited with code") + log.count("was sent SIG")
        found.deaths = max(found.deaths, said)  # one that lived for less than a look
        exceptions = [each.group() for each in re.finditer(r"[A-Z]\w*(?:Error|Exception): [^\"\\]{1,60}", log)]
        found.last_words = exceptions[-1] if exceptions else ""


def _look(pair: RunningPair, found: Workers, seen: set[int]) -> None:
    with suppress(OSError, ValueError):
        for listener, instance in zip(("http", "https"), pair.children()[:2], strict=True):
            children = list(children_of(instance))
            new = set(children) - seen
            found.deaths += len(new)
            seen |= new
            for child in children:
                found.peaks[listener] = max(found.peaks[listener], peak_mebibytes(child))


def peak_mebibytes(pid: int) -> float:
    """The most memory that a process ever took (resident)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:")), 0.0)


class AttackProcess:
    """An attack in a process of its own: its work must not slow down who measures.

    Args:
        name: Of :data:`tests.support.attackers.ATTACKS`.
        target: What it goes to.
        seconds: How long.
    """

    def __init__(self, name: str, target: Target, seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._tally: multiprocessing.SimpleQueue[Tally] = context.SimpleQueue()
        self._seconds = seconds
        self._process = context.Process(target=_attack, args=(self._tally, name, target, seconds))

    def __enter__(self) -> "AttackProcess":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def tally(self) -> Tally:
        """What it did, once it has ended; empty when it had to be killed."""
        self._process.join(self._seconds + 30)
        return self._tally.get() if not self._process.is_alive() and not self._tally.empty() else Tally()


def _attack(tally: "multiprocessing.SimpleQueue[Tally]", name: str, target: Target, seconds: float) -> None:
    raise_descriptor_limit()
    tally.put(run(name, target, seconds))


def raise_descriptor_limit() -> int:
    """As many open files as this user may have; how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def wait(seconds: float) -> Iterator[float]:
    """Each second until the end: how many are left."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield left
        time.sleep(min(1.0, left))
