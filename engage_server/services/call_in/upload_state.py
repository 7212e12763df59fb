"""What is known of a device's uploads to an upstream system: small files beside each device's lock."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

from engage_server.errors import BodyInvalid, FileNotUsable
from engage_server.files import SECRET_MODE, read_file, replace_file
from engage_server.protocol.json_body import read_json, write_json

_RECENT = 64  # digests of a device's last uploads: a repeated one is among them
_MAX_BYTES = 64 * 1024
_NOT_MEASURED = 1 << 62  # of a state that an earlier version wrote: over every limit, so it is measured first
_SHARE_OF_TIME = 20  # a measurement that took a second is not made again for so many


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What is known of a device's earlier uploads.

    Attributes:
        next: The number of its next upload.
        kinds: Which kinds it has sent.
        recent: Digests of its last ones.
        bytes: What its uploads take on the disk, at most: what was delivered stays counted until it is measured.
        measured_at: When that was, in seconds since 1970.
        took: How many seconds that took.
    """

    next: int
    kinds: tuple[str, ...]
    recent: tuple[str, ...]
    bytes: int = 0
    measured_at: float = 0.0
    took: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Self:
        """From its file; anew where there is none, or none of ours: then a repeated upload is taken for a new one."""
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
        """Whether its files may be looked at again: that costs as much as the whole site has files."""
        return not self.measured_at <= now < self.measured_at + _SHARE_OF_TIME * self.took

    def measured(self, count: int, begun: float, ended: float) -> "DeviceState":
        """The state with the bytes that its files really take; counting them took from ``begun`` to ``ended``."""
        return replace(self, bytes=count, measured_at=ended, took=max(0.0, ended - begun))

    def after(self, number: int, kind: str, digest: str) -> "DeviceState":
        """The state after one more upload, which got this number."""
        kinds = self.kinds if kind in self.kinds else (*self.kinds, kind)
        return replace(self, next=number + 1, kinds=kinds, recent=(*self.recent, digest)[-_RECENT:])

    def write(self, path: Path) -> None:
        """Into its file.

        Raises:
            FileNotUsable: It cannot be written; the file is as it was.
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
    """On which days an upload was answered with an error. Outlives the process; one process delivers.

    Args:
        path: The device's file: only its oldest upload is ever tried.
        number: The upload's.
    """

    def __init__(self, path: Path, number: int) -> None:
        self._path = path
        self._number = number

    def days(self) -> list[str]:
        """The days, oldest first; none for another upload."""
        try:
            value: Any = read_json(read_file(self._path, limit=_MAX_BYTES))
            return [str(day) for day in value["days"]] if value["number"] == self._number else []
        except (FileNotUsable, BodyInvalid, KeyError, TypeError):
            return []

    def add(self, day: date) -> int:
        """Remember a day; how many there are. Written once a day, so that an error costs no write."""
        known = self.days()
        if day.isoformat() not in known:
            known.append(day.isoformat())
            replace_file(self._path, write_json({"number": self._number, "days": list(known)}), SECRET_MODE)
        return len(known)
