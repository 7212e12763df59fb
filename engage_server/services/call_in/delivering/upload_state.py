"""The state of a device's uploads to an upstream system, in small files next to each device's lock."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.files import SECRET_MODE, read_file, replace_file
from engage_server.protocol.json_body import read_json, write_json

_RECENT = 64  # digests of a device's last uploads, to recognize a repeated one
_MAX_BYTES = 64 * 1024
_NOT_MEASURED = 1 << 62  # for a state of an earlier version: over every limit, so it is measured first
_SHARE_OF_TIME = 20  # a measurement that took one second is not repeated for this many


@dataclass(frozen=True, slots=True)
class DeviceState:
    """The state of a device's earlier uploads.

    Attributes:
        next: The number of its next upload.
        kinds: The kinds that it has sent.
        recent: Digests of its last uploads.
        bytes: The most bytes that its uploads use on the disk. Delivered ones stay counted until it is measured.
        measured_at: When it was last measured, in seconds since 1970.
        took: How many seconds the measurement took.
    """

    next: int
    kinds: tuple[str, ...]
    recent: tuple[str, ...]
    bytes: int = 0
    measured_at: float = 0.0
    took: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the state from its file. Without a usable file it starts again, and a repeated upload counts as new."""
        try:
            value: Any = read_json(read_file(path, limit=_MAX_BYTES))
            return cls(
                int(value["next"]),
                tuple(map(str, value["kinds"])),
                tuple(map(str, value["recent"])),
                int(value.get("bytes", _NOT_MEASURED)),
                float(value.get("measuredAt", 0.0)),
                float(value.get("took", 0.0)),
            )
        except (FileNotUsable, BodyInvalid, KeyError, TypeError, ValueError, AttributeError):
            return cls(1, (), ())

    def may_be_measured(self, now: float) -> bool:
        """Whether its files may be measured again, which takes longer the more files the whole site has."""
        return not self.measured_at <= now < self.measured_at + _SHARE_OF_TIME * self.took

    def measured(self, count: int, begun: float, ended: float) -> "DeviceState":
        """The state with the bytes that its files really use. Measuring them took from ``begun`` to ``ended``."""
        return replace(self, bytes=count, measured_at=ended, took=max(0.0, ended - begun))

    def after(self, number: int, kind: str, digest: str) -> "DeviceState":
        """The state after one more upload, which got this number."""
        kinds = self.kinds if kind in self.kinds else (*self.kinds, kind)
        return replace(self, next=number + 1, kinds=kinds, recent=(*self.recent, digest)[-_RECENT:])

    def write(self, path: Path) -> None:
        """Write the state to its file.

        Raises:
            FileNotUsable: It cannot be written. The file is unchanged.
        """
        value = {
            "next": self.next,
            "kinds": list(self.kinds),
            "recent": list(self.recent),
            "bytes": self.bytes,
            "measuredAt": self.measured_at,
            "took": self.took,
        }
        replace_file(path, write_json(value), SECRET_MODE)


class UploadTries:
    """The days on which an upload was answered with an error. Kept in a file; only one process may deliver.

    Args:
        path: The device's file. One is enough, because only a device's oldest upload is tried.
        number: The number of the upload.
    """

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number

    def days(self) -> list[str]:
        """The days, oldest first; empty if the file is about another upload."""
        try:
            value: Any = read_json(read_file(self._path, limit=_MAX_BYTES))
            return [str(day) for day in value["days"]] if value["number"] == self._number else []
        except (FileNotUsable, BodyInvalid, KeyError, TypeError):
            return []

    def add(self, day: date) -> int:
        """Record a day, and return how many there are. The file is written once a day, not for each error."""
        known = self.days()
        if day.isoformat() not in known:
            known.append(day.isoformat())
            replace_file(self._path, write_json({"number": self._number, "days": list(known)}), SECRET_MODE)
        return len(known)
