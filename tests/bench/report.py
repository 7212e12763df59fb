"""What the long runs print: a table on standard output, progress on a terminal, all figures as JSON in a file."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_TERMINATED = 128 + signal.SIGTERM


def clean_up_when_terminated() -> None:
    """Let SIGTERM end this program as Ctrl-C does, so that all that it started is stopped, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201  # a program's output


def progress(line: str) -> None:
    """What is going on, where somebody watches; the next such line takes its place."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)  # noqa: T201  # the same


def progress_ends() -> None:
    """Nothing more follows: the line is cleared."""
    progress("")


def row(cells: Sequence[object], widths: Sequence[int]) -> str:
    """A line of a table; a negative width puts the cell to the left."""
    return "  ".join(
        str(cell).ljust(-width) if width < 0 else str(cell).rjust(width)
        for cell, width in zip(cells, widths, strict=True)
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def write_json(file: Path | None, figures: Any) -> None:
    """Write all figures, where a file was named."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2, default=str) + "\n", encoding="utf-8")
