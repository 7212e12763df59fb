"""Which nightly backups stay in their folder, and which make room."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

FAILED = ".failed"
_NAME = re.compile(r"engage-[A-Za-z0-9.-]{1,64}-(?P<stamp>[0-9]{8}T[0-9]{6}Z)\.tar\.gz")
_LEFT = re.compile(r"\.engage-.*\.tar\.gz\.[0-9a-f]{8}")  # what a killed process was writing


def nightly_name(host: str, at: datetime) -> str:
    """Return the name of the backup that a host makes now."""
    return f"engage-{re.sub('[^A-Za-z0-9.-]', '-', host)[:64] or 'host'}-{at:%Y%m%dT%H%M%SZ}.tar.gz"


def superfluous(names: Iterable[str], good: Collection[str], keep: int) -> list[str]:
    """Return the names that may be removed. Pure.

    The newest good ones stay. What is older than all of them goes: good ones, those that failed, and those of runs that
    were killed. While there is no good one at all, nothing goes. Files with other names always stay.

    Args:
        names: The names in the folder.
        good: The names of backups whose drill was good.
        keep: How many good ones stay.
    """
    ours = {name: found["stamp"] for name in names if (found := _NAME.fullmatch(name.removesuffix(FAILED)))}
    of_good = sorted((name for name in ours if name in good), key=lambda name: ours[name], reverse=True)
    if not of_good:
        return []
    oldest = ours[of_good[: max(1, keep)][-1]]
    return sorted(name for name, stamp in ours.items() if stamp < oldest)


def remove_superfluous(folder: Path, good: Collection[str], keep: int) -> list[str]:
    """Remove them, and what killed processes left. Return the names of removed backups.

    Raises:
        OSError: One cannot be removed.
    """
    names = [entry.name for entry in folder.iterdir()]
    for name in names:
        if _LEFT.fullmatch(name):
            (folder / name).unlink(missing_ok=True)
    removed = superfluous(names, good, keep)
    for name in removed:
        (folder / name).unlink(missing_ok=True)
    return removed
