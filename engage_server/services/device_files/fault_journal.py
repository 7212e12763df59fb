"""The reasons for which devices' call-ins were not answered as they should be, so that operators need not read logs.

``<folder>/<site>.json`` has each reason once, with its last time and the device that met it last. All workers of a host
write it. It is for people: no device waits for it, and a fault of the file itself is ignored.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engage_server.errors import BodyInvalid, EngageError
from engage_server.file_locks import locked
from engage_server.files import SECRET_MODE, make_folder, read_file, replace_file
from engage_server.protocol.json_body import Json, read_json, write_json

RECENT = timedelta(days=1)

_KEPT = 20
_MAX_BYTES = 256 * 1024
_LOCK_SECONDS = 0.2

NO_DEVICE = "uploads wait"  # stands in files in place of a device; older versions wrote it, too


@dataclass(frozen=True, slots=True)
class CallFault:
    """One reason.

    Attributes:
        at: When it was met last, to the second.
        device: The serial number or address that met it last. Other devices may have met it, too. :data:`NO_DEVICE`
            if no device met it.
        sentence: The reason.
    """

    at: datetime
    device: str
    sentence: str


class FaultJournal:
    """Records reasons, and lists them.

    Args:
        folder: The folder of the files. It need not exist, but the folder around it must.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def record(self, site: str, fault: CallFault) -> None:
        """Record a reason. The caller should do this at most once a minute for each one."""
        with suppress(OSError, EngageError):  # a full disk: the log has the reason, too
            if not self._folder.is_dir():
                make_folder(self._folder, within=self._folder.parent)
            with locked(self._folder, _LOCK_SECONDS):
                others = [each for each in self._read(site) if each.sentence != fault.sentence]
                self._write(site, [*others, fault][-_KEPT:])

    def recent(self, site: str, now: datetime) -> list[CallFault]:
        """The reasons of the last day, newest last; empty if the file cannot be read."""
        with suppress(OSError, EngageError):
            return [each for each in self._read(site) if now - each.at <= RECENT]
        return []

    def _read(self, site: str) -> list[CallFault]:
        path = self._folder / f"{site}.json"
        if not path.exists():
            return []
        try:
            return list(_faults(read_json(read_file(path, limit=_MAX_BYTES))))
        except BodyInvalid:  # it is written again from the beginning
            return []

    def _write(self, site: str, faults: list[CallFault]) -> None:
        value = [
            {"at": each.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "device": each.device, "sentence": each.sentence}
            for each in faults
        ]
        replace_file(self._folder / f"{site}.json", write_json(value), SECRET_MODE)


def _faults(value: Json) -> Iterator[CallFault]:
    for each in value if isinstance(value, list) else ():
        with suppress(KeyError, TypeError, ValueError):
            at = datetime.strptime(each["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
            yield CallFault(at, str(each["device"]), str(each["sentence"]))
