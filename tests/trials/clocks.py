"""Wall clocks that a trial sets, one for each machine. Nothing but a process that is started with one sees it."""

import mmap
import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


def clock_library(folder: Path) -> Path | None:
    """Compile the library that stands before the C library's clock. None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = folder / "clock.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)], check=True)
    return library


class WallClock:
    """The wall clock of one machine.

    Args:
        file: Holds by how many seconds it is off.
        library: See :func:`clock_library`. None: the machine has the real clock, which cannot be set.
    """

    def __init__(self, file: Path, library: Path | None) -> None:
        self._file, self._library = file, library
        file.write_bytes(bytes(8))
        file.chmod(0o644)
        with file.open("r+b") as opened:
            self._off = mmap.mmap(opened.fileno(), 8)

    def set(self, off: timedelta) -> None:
        """Set it: running processes see it at once."""
        if self._library is None:
            raise RuntimeError("this machine has the real clock")
        self._off[:8] = struct.pack("=q", round(off.total_seconds()))

    def now(self) -> datetime:
        """What it shows."""
        (seconds,) = struct.unpack("=q", self._off[:8])
        return datetime.now(UTC) + timedelta(seconds=seconds)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to see it."""
        if self._library is None:
            return {}
        return {"LD_PRELOAD": str(self._library), "TRIAL_CLOCK": str(self._file)}
