"""``scripts/soak --attacks``: right devices beside each attack in turn, one worker in each instance."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.report import progress, progress_ends, row, say, write_json
from tests.bench.right_devices import TOO_LATE_MILLISECONDS, Calls, RightDevices
from tests.bench.stage import (
    SMALL,
    AttackProcess,
    Workers,
    one_worker_each,
    prepare,
    slow_partner,
    target_of,
    wait,
    watched_workers,
)
from tests.support.attackers import ATTACKS
from tests.support.strangers import Tally

CONTROL = "none (control)"
_WARM_UP_SECONDS = 1.0
_WIDTHS = (-28, 6, 6, 8, 8, 6, 8, 8)
_HEAD = ("attack", "calls", "failed", "p50 ms", "p99 ms", "deaths", "http MiB", "TLS MiB")


@dataclass
class Outcome:
    """What one attack did.

    Attributes:
        name: Which.
        did: What it counted itself; empty for the control.
        calls: What right devices were given meanwhile.
        workers: What became of the workers.
    """

    name: str
    did: Tally
    calls: Calls
    workers: Workers

    @property
    def is_well(self) -> bool:
        """Whether the attack ran, and nobody noticed it."""
        ran = bool(self.did) or self.name == CONTROL
        return ran and self.calls.are_well and not self.workers.deaths

    def line(self) -> str:
        """For the table."""
        calls, workers = self.calls, self.workers
        times = (f"{calls.at(0.5):.1f}", f"{calls.at(0.99):.1f}")
        memory = (f"{workers.peaks['http']:.0f}", f"{workers.peaks['https']:.0f}")
        cells = (self.name, len(calls.all), calls.failed, *times, workers.deaths, *memory)
        return f"{row(cells, _WIDTHS)}  {'' if self.is_well else 'NO'}".rstrip()

    def figures(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "attack": self.name,
            "did": dict(self.did),
            "milliseconds": self.calls.milliseconds,
            "failures": dict(self.calls.failures),
            "workers": asdict(self.workers),
        }


def attacks(seconds: float, names: Sequence[str], file: Path | None) -> int:
    """Run the attacks that are named, or all, after a control without any; the exit status.

    Args:
        seconds: How long each lasts.
        names: Parts of names are enough.
        file: Where all figures go as JSON; None for nowhere.
    """
    chosen = [each for each in ATTACKS if not names or any(name in each for name in names)]
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="engage-attacks") as folder, slow_partner() as partner:
        prepare(Path(folder), partner)
        say(row(_HEAD, _WIDTHS))
        for name in (CONTROL, *chosen):
            outcomes.append(_outcome(Path(folder), name, seconds))
            say(outcomes[-1].line())
            say(f"    did: {in_words(outcomes[-1].did)}; {outcomes[-1].workers.last_words or 'no worker complained'}")
            for failure, count in outcomes[-1].calls.failures.most_common(3):
                say(f"    {count} x {failure}")
    write_json(file, [each.figures() for each in outcomes])
    bad = [each.name for each in outcomes if not each.is_well]
    well = len(outcomes) - len(bad)
    say(f"{well} of {len(outcomes)} well: no call failed, p99 < {TOO_LATE_MILLISECONDS:g} ms, no death")
    return 1 if bad else 0


def in_words(did: Tally) -> str:
    """What an attack counted."""
    return ", ".join(f"{count} {name}" for name, count in did.items()) or "nothing"


def _outcome(folder: Path, name: str, seconds: float) -> Outcome:
    did = Tally()
    with (
        one_worker_each(folder) as pair,
        watched_workers(pair) as workers,
        RightDevices(pair, SMALL) as devices,
    ):
        for _ in wait(_WARM_UP_SECONDS):
            pass
        if name == CONTROL:
            show(name, seconds)
        else:
            with AttackProcess(name, target_of(pair), seconds) as attack:
                show(name, seconds)
                did = attack.tally()
    return Outcome(name, did, devices.calls, workers)


def show(name: str, seconds: float) -> None:
    """Wait, and show how long still."""
    for left in wait(seconds):
        progress(f"{name}: {left:.0f} s left")
    progress_ends()
