"""The doors, as the trial lets them call: they run in their own network namespace."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.checkout import ROOT
from tests.support.commands import clean_environment
from tests.trials.doors import address_of
from tests.trials.network import Machine, done
from tests.trials.nodes import DOORS_CALL


@dataclass
class Night:
    """What doors saw in some calls.

    Attributes:
        doors: How many called.
        lost: Those that did not come through, with the reason.
        calls: How often they called together.
    """

    doors: int
    lost: dict[str, str]
    calls: int


class Fleet:
    """The doors, which run in their own namespace. It remembers all that they saw answered."""

    def __init__(self, machine: Machine, count: int, key_file: Path) -> None:
        batch = "".join(f"address add {address_of(door)}/16 dev eth0\n" for door in range(count))
        done("ip", "-n", machine.space, "-batch", "-", stdin=batch)
        self.count = count
        self.answered: Counter[tuple[str, str]] = Counter()
        self.attempts: Counter[str] = Counter()
        self._process = subprocess.Popen(
            machine.command(sys.executable, "-m", "tests.trials.doors", DOORS_CALL, str(key_file)),
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._read()

    def begin(self, first: int, last: int, over: float, patience: float) -> None:
        """Let doors call: see :meth:`end`."""
        order = {"doors": [first, last], "over": over, "patience": patience}
        self._pipe(self._process.stdin).write(json.dumps(order).encode() + b"\n")
        self._pipe(self._process.stdin).flush()

    def end(self) -> Night:
        """Wait until they have."""
        seen = self._read()
        for door, counts in seen["answered"].items():
            for what, count in counts.items():
                self.answered[address_of(int(door)), what] += count
        for door, count in seen["attempts"].items():
            self.attempts[address_of(int(door))] += count
        return Night(len(seen["attempts"]), seen["lost"], sum(seen["attempts"].values()))

    def forget_missing(self, stored: Counter[tuple[str, str]]) -> None:
        """Expect no more than is stored: what a fault was meant to lose is not counted again."""
        self.answered = Counter({each: min(count, stored[each]) for each, count in self.answered.items()})

    def stop(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            self._pipe(pipe).close()

    def _read(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError("the doors' program ended")
        found: dict[str, Any] = json.loads(line)
        return found

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe
