"""``scripts/bench-demo``: how long ``engage demo`` takes, as a command, with the CPU that it and its children used."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from engage_server.demo.size import DOORS, NIGHTS
from tests.support.commands import ENGAGE, clean_environment


def measure(folder: Path, doors: int, nights: int) -> tuple[float, float]:
    """Seconds by the clock, and of CPU, of one run."""
    before, began = os.times(), time.monotonic()
    command = [ENGAGE, "demo", str(folder), "--doors", str(doors), "--nights", str(nights)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())
    took, after = time.monotonic() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return took, used


def main() -> int:
    """Run it, and print each round and the middle one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--doors", type=int, default=DOORS)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    given = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(given.rounds):
            load = os.getloadavg()[0]
            took, used = measure(Path(scratch) / str(number), given.doors, given.nights)
            rounds.append((took, used))
            sys.stdout.write(f"{took:6.1f} s by the clock, {used:6.1f} s of CPU, load before it {load:.1f}\n")
    middle = tuple(median(each) for each in zip(*rounds, strict=True))
    sys.stdout.write(f"middle: {middle[0]:.1f} s by the clock, {middle[1]:.1f} s of CPU\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
