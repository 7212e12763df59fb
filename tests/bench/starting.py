"""``scripts/bench-start``: what it costs to start a command, and the pair, beside other programs at hand.

CPU is user and system time of a program and its children, by the kernel's count, and the figure to trust where others
use the machine too. Rounds are interleaved, so that all suffer alike; the first is not counted: it writes bytecode.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.report import progress, progress_ends, row, say, write_json
from tests.support.commands import ENGAGE, clean_environment, engage_process, ok
from tests.support.processes import cpu_seconds
from tests.support.running import RunningPair

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "docs" / "examples" / "good"
OURS: dict[str, tuple[object, ...]] = {
    "engage --version": ("--version",),
    "engage chain check, one chain": ("chain", "check", GOOD),
    "engage site list": ("site", "list"),
}
PAIR = "engage serve, ready"
_WIDTHS = (-44, 9, 9)


@dataclass(frozen=True)
class Start:
    """A program to start.

    Attributes:
        name: What to call it.
        command: The program, and its arguments.
        folder: Where it runs.
        environment: Variables beside those of this process.
    """

    name: str
    command: tuple[str, ...]
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)

    def cost(self) -> tuple[float, float]:
        """Seconds of CPU and of wall time, of one start."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            self.command,
            cwd=self.folder,
            env=clean_environment() | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


@dataclass(frozen=True)
class PairStart:
    """The pair, until it prints its addresses: all its processes together."""

    name: str
    folder: Path
    environment: dict[str, str]

    def cost(self) -> tuple[float, float]:
        """Seconds of CPU and of wall time, of one start."""
        begun = time.perf_counter()
        pair = RunningPair(self.folder, output=None, **self.environment)
        try:
            pair.wait_until_ready()
            wall = time.perf_counter() - begun
            return cpu_seconds(pair.process.pid), wall
        finally:
            pair.stop()


def peers() -> Iterator[Start]:
    """What there is to compare with; what is not there is left out."""
    for what in ("pass", "import click", "import cryptography.x509", "import sqlalchemy"):
        yield Start(f"python -c '{what}'", (sys.executable, "-c", what))
    for name, argument in (("flask", "--version"), ("gunicorn", "--version"), ("alembic", "--help")):
        yield from _program(name, argument, str(Path(sys.executable).with_name(name)))
    yield from _program("openssl", "version", shutil.which("openssl"))
    yield from _program("pip", "--version", shutil.which("pip3"))


def _program(name: str, argument: str, path: str | None) -> Iterator[Start]:
    if path and Path(path).exists():
        yield Start(f"{name} {argument}", (path, argument))


def ours(folder: Path, suffix: str, environment: Mapping[str, Any]) -> Iterator[Start | PairStart]:
    """Our commands, in an installation of their own."""
    ok(engage_process(folder, "init", "--host", "127.0.0.1", **environment))  # in a process: of either checkout
    for name, arguments in OURS.items():
        yield Start(name + suffix, (ENGAGE, *map(str, arguments)), folder, dict(environment))
    yield PairStart(PAIR + suffix, folder, dict(environment))


@contextmanager
def _installations(before: Path | None) -> Iterator[list[Start | PairStart]]:
    with tempfile.TemporaryDirectory(prefix="engage-start") as name:
        starts: list[Start | PairStart] = [*peers()]
        starts += ours(_made(Path(name) / "now"), "", {})
        if before:
            starts += ours(_made(Path(name) / "before"), " (before)", {"PYTHONPATH": _python_path(before)})
        yield starts


def _python_path(checkout: Path) -> str:
    """Another checkout, with what is installed in its environment: it may need what this one does not."""
    return ":".join(map(str, (checkout, *checkout.glob(".venv/lib/python*/site-packages"))))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def measured(rounds: int, before: Path | None) -> dict[str, dict[str, float]]:
    """The medians of each."""
    costs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with _installations(before) as starts:
        for number in range(rounds + 1):
            for start in starts:
                progress(f"round {number} of {rounds}: {start.name}")
                cost = start.cost()
                if number:
                    costs[start.name].append(cost)
    progress_ends()
    return {
        name: {"cpu": statistics.median(cpu for cpu, _ in found), "wall": statistics.median(wall for _, wall in found)}
        for name, found in costs.items()
    }


def main() -> None:
    """Measure, and print a row for each."""
    parser = argparse.ArgumentParser(prog="scripts/bench-start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="also measure a checkout of an earlier commit")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation has its bytecode
    figures = measured(options.rounds, options.before.resolve() if options.before else None)
    say(row(("", "CPU s", "wall s"), _WIDTHS))
    for name, figure in figures.items():
        say(row((name, f"{figure['cpu']:.3f}", f"{figure['wall']:.3f}"), _WIDTHS))
    say(f"medians of {options.rounds} rounds; load of this machine at the end: {os.getloadavg()[0]:.1f}")
    write_json(options.json, figures)


if __name__ == "__main__":
    main()
