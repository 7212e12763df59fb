"""What a process and all below it have used of the CPU: those that run, and those that ended."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Of a process, of those below it, and of those that they waited for. 0 where the system does not say it.

    A process whose parent was killed is nobody's child any more, and what it used is lost.
    """
    return sum(map(_own, processes_of(pid))) / _TICKS


def processes_of(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for child in children_of(pid):
        yield from processes_of(child)


def children_of(pid: int) -> Iterator[int]:
    """Those that a process started and that it has not waited for."""
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # each thread has those that it started  # noqa: PTH208
            yield from map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())


def _own(pid: int) -> int:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15]))
    return 0
