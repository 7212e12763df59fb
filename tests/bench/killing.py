"""``scripts/kill-trial``: no audit that a device was told is taken is lost, whoever is killed, whatever is full.

Devices hand over audits by TLS to two sites: one keeps them in files, one passes them on to a partner's system.
Meanwhile workers, masters, the operators' instance and the supervisor are killed (SIGKILL) in turns, the partner errs,
hangs, hangs up and talks nonsense, hundreds of hostile clients hold connections, and the disk is full now and then. At
the end every acknowledged audit must be in the device's files once, or at the partner's at least once, each in order.

The full disk needs root, for a small file system of its own (tmpfs). Without, that part is left out, and said so.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engage_server.services.device_files.exchange import DeviceExchange
from engage_server.services.device_files.folder import Collection, DeviceFolders
from tests.bench.report import clean_up_when_terminated, progress, progress_ends, say, write_json
from tests.bench.uploading import Door, Told, Uploading
from tests.support.hostile import Crowd
from tests.support.installation import make_installation
from tests.support.partner import Partner
from tests.support.processes import children_of
from tests.support.running import RunningPair, engage, eventually, ok
from tests.support.world import serial_of

EXAMPLE = "example: scripts/kill-trial --kills 500 --json kills.json"
AWAY = "away.example.org"
HERE = "localhost"
DISK = "96m"
_MOODS = ("well", "well", "well", "error", "lost", "slow", "html", "garbage", "503", "429", "trickle")
_VICTIMS = (
    *("TLS worker", "plain worker", "TLS worker", "operators' worker", "TLS worker", "plain master"),
    *("TLS worker", "operators' worker", "TLS worker", "TLS master", "plain worker", "TLS worker"),
    *("operators' master", "TLS worker", "operators' worker", "TLS worker", "supervisor"),
)
_HOSTILE = 200
_FULL_EVERY, _FULL_FOR = 20.0, 3.0
_DELIVERED_WITHIN = 180.0
_UPSTREAM_TIMEOUT = "2"


def workers_of(pair: RunningPair, name: str) -> list[int]:
    """The processes that a victim's name may mean."""
    instance, _, kind = name.partition(" ")
    if name == "supervisor":
        return [pair.process.pid]
    number = {"plain": 0, "TLS": 1, "operators'": 2}[instance]
    masters = pair.children()[number : number + 1]
    if kind == "master":
        return masters
    return [worker for master in masters for worker in children_of(master)]


class Trial:
    """The pair that runs now, and everything that goes on around it.

    Args:
        folder: An installation.
        partner: The system of the site :data:`AWAY`.

    Attributes:
        pair: Who serves; None while nobody does.
        kills: How many of each kind were killed.
    """

    def __init__(self, folder: Path, partner: Partner) -> None:
        self.folder, self.partner = folder, partner
        self.pair: RunningPair | None = None
        self.kills: Counter[str] = Counter()
        self.restarts = 0
        self.disk_has_room = threading.Lock()
        self._crowd: Crowd | None = None
        self._random = random.Random(1)  # noqa: S311  # not for secrets

    def start(self, hostile: int) -> None:
        """Start a pair with two workers each, and its hostile clients."""
        with self.disk_has_room:
            pair = RunningPair(self.folder, "--workers", "2")
            pair.wait_until_ready()
        self._crowd = Crowd(pair.http_port, pair.https_port, hostile, addresses=20).__enter__()
        self.pair = pair

    def kill(self, victim: str, hostile: int) -> None:
        """Kill one process of this kind; where that ends the pair, everything of it, and start another."""
        pair = self.pair
        assert pair is not None
        found = workers_of(pair, victim)
        if not found:  # not replaced yet
            return
        os.kill(self._random.choice(found), signal.SIGKILL)
        self.kills[victim] += 1
        if not victim.endswith("worker"):
            self.end()
            self.start(hostile)
            self.restarts += 1

    def end(self) -> None:
        """Kill the whole pair at once, as a power cut or a service manager at the end of its patience would."""
        pair, self.pair = self.pair, None
        if pair is None:
            return
        instances = pair.children() or self._orphans(pair)
        doomed = [*instances, *pair.workers(), *pair.transfer(), pair.process.pid]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        pair.stop()
        if self._crowd is not None:
            self._crowd.__exit__()
        eventually(lambda: not self._orphans(pair), "nothing of it is left")

    def _orphans(self, pair: RunningPair) -> list[int]:
        """What is left of a pair whose supervisor is gone: known by its port, which nobody else has."""
        port = f"--https-port\0{pair.https_port}\0".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if port in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@contextmanager
def changing_moods(partner: Partner) -> Iterator[None]:
    """A partner that is well now, and not so then."""

    def change(number: int) -> None:
        partner.mode = _MOODS[number * 7 % len(_MOODS)]

    with _repeating(1.5, change):
        yield
    partner.mode = "well"


@contextmanager
def _repeating(seconds: float, do: Callable[[int], None]) -> Iterator[None]:
    stopped = threading.Event()

    def run() -> None:
        number = 0
        while not stopped.wait(seconds):
            number += 1
            do(number)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """A small file system in this folder, for root; whether there is one."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    mounted = os.getuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full_now_and_then(trial: Trial, folder: Path) -> Iterator[None]:
    """Fill the disk to the last octet for some seconds, again and again, while a pair runs."""

    def fill(_number: int) -> None:
        with trial.disk_has_room:
            ballast = folder / "ballast"
            try:
                with ballast.open("wb", buffering=0) as file, suppress(OSError):
                    while True:
                        file.write(b"x" * 65536)
                time.sleep(_FULL_FOR)
            finally:
                ballast.unlink(missing_ok=True)

    with _repeating(_FULL_EVERY, fill):
        yield


@dataclass
class Verdict:
    """What became of the acknowledged audits.

    Attributes:
        acknowledged: How many.
        lost: Device and number of those that are nowhere.
        disordered: Devices whose audits are not in order.
        twice: Device and number of those that are in a device's files more than once.
        again: How many times the partner got one again: allowed, when an answer was lost.
    """

    acknowledged: int
    lost: list[tuple[str, int]]
    disordered: list[str]
    twice: list[tuple[str, int]]
    again: int

    @property
    def is_well(self) -> bool:
        """Whether nothing was lost, and something was there to be lost."""
        return bool(self.acknowledged) and not (self.lost or self.disordered or self.twice)


def judge(told: Told, folder: Path, partner: Partner) -> Verdict:
    """Hold what devices were told against their files and the partner's."""
    exchange = DeviceExchange(DeviceFolders(folder / "data"))
    verdict = Verdict(told.total, [], [], [], 0)
    for door, taken in told.taken.items():
        if door.host == HERE:
            uploads = [each["upload"] for each in exchange.collected("main", door.serial, Collection.AUDITS)]
        else:
            uploads = list(partner.taken[door.serial])
        numbers = [int(event["n"]) for upload in uploads for event in upload["audits"]]
        firsts = list(dict.fromkeys(numbers))
        verdict.lost += [(door.serial, number) for number in sorted(set(taken) - set(numbers))]
        if firsts != sorted(firsts):
            verdict.disordered.append(door.serial)
        if door.host == HERE:
            verdict.twice += [(door.serial, number) for number, count in Counter(numbers).items() if count > 1]
        else:
            verdict.again += len(numbers) - len(firsts)
    return verdict


def prepare(folder: Path, partner: Partner) -> None:
    """Two sites: one answers from files, one by the partner; both take devices that they do not know."""
    make_installation(folder)
    ok(engage(folder, "site", "add", "away", "--host", AWAY, "--site-key-file", "site.key"))
    ok(engage(folder, "site", "call-in", "main", "--files", "--unknown-devices", "enroll"))
    options = ("--upstream", partner.url, "--upstream-timeout", _UPSTREAM_TIMEOUT, "--unknown-devices", "enroll")
    ok(engage(folder, "site", "call-in", "away", *options))


def doors(count: int) -> list[Door]:
    """Half of them of each site."""
    return [Door(serial_of(number), (HERE, AWAY)[number % 2]) for number in range(count)]


def try_kills(
    kills: int, *, devices: int = 12, hostile: int = _HOSTILE, pause: float = 0.7, disk: str = DISK
) -> tuple[Verdict, Trial, Told]:
    """The whole trial; prints how it goes on.

    Args:
        kills: How many processes are killed, in turns.
        devices: How many devices hand over audits.
        hostile: How many hostile connections at once.
        pause: Seconds between two kills, at the most.
        disk: The size of the small file system; "" for none.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engage-kills")))
        (folder / "data").mkdir(mode=0o700)
        partner = Partner(pause=3.0, slow_takes=True).start()
        stack.callback(partner.stop)
        is_small = disk and stack.enter_context(small_disk(folder / "data", disk))
        prepare(folder, partner)
        trial = Trial(folder, partner)
        stack.callback(trial.end)
        trial.start(hostile)
        with ExitStack() as going_on:
            uploading = going_on.enter_context(Uploading(doors(devices), lambda: trial.pair))
            going_on.enter_context(changing_moods(partner))
            if is_small:
                going_on.enter_context(full_now_and_then(trial, folder / "data"))
            elif disk:
                say("no full disk: only root mounts a small file system")
            for number in range(10 * kills):
                if trial.kills.total() >= kills:
                    break
                time.sleep(random.uniform(0.1, pause))  # noqa: S311  # not for secrets
                trial.kill(_VICTIMS[number % len(_VICTIMS)], hostile)
                progress(f"{trial.kills.total()} of {kills} kills, {uploading.told.total} audits acknowledged")
            progress_ends()
        _deliver_the_rest(trial, folder)
        return judge(uploading.told, folder, partner), trial, uploading.told


def _deliver_the_rest(trial: Trial, folder: Path) -> None:
    """With a partner that is well and a pair that nobody kills any more: until nothing waits."""
    pending = folder / "data" / "spool" / "upstream" / "away" / "pending"
    eventually(lambda: not [*pending.rglob("*.json")], "everything is delivered", _DELIVERED_WITHIN)
    trial.end()


def main() -> None:
    """Run the trial, print what came of it."""
    parser = argparse.ArgumentParser(
        prog="scripts/kill-trial",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--devices", type=int, default=12, help="that hand over audits, half of them of each site")
    parser.add_argument("--hostile", type=int, default=_HOSTILE, metavar="COUNT", help="hostile connections at once")
    parser.add_argument("--disk", default=DISK, metavar="SIZE", help='of the small file system; "" for none')
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    clean_up_when_terminated()
    begun = time.monotonic()
    verdict, trial, told = try_kills(options.kills, devices=options.devices, hostile=options.hostile, disk=options.disk)
    for victim, count in sorted(trial.kills.items()):
        say(f"killed  {victim:<20} {count:6}")
    say(f"{trial.restarts} restarts of the whole pair, {time.monotonic() - begun:.0f} s")
    say(f"answers: {', '.join(f'{count} x {status}' for status, count in told.answers.most_common())}")
    say(
        f"acknowledged {verdict.acknowledged}, lost {len(verdict.lost)}, twice in files {len(verdict.twice)}, "
        f"devices out of order {len(verdict.disordered)}, sent to the partner again {verdict.again}"
    )
    for each in verdict.lost[:10]:
        say(f"lost: audit {each[1]} of {each[0]}")
    write_json(options.json, {"verdict": vars(verdict), "kills": trial.kills, "answers": told.answers})
    sys.exit(0 if verdict.is_well else 1)


if __name__ == "__main__":
    main()
