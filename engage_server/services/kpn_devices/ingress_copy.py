"""The copy of the link tables that the ingress reads, where it may not open the database.

The operators' instance writes it. The ingress takes a message for one answer by making a file of its number: only one
process can. The operators' instance then moves the message on, and writes the next copy.
"""

import base64
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engage_server.errors import FileNotUsable, NotPossible
from engage_server.files import SECRET_MODE, make_folder, open_file, read_file, replace_file
from engage_server.records import Downlink, DownlinkChannel, DownlinkStatus, KpnDevice, SimType
from engage_server.store.interface import KpnStore

COPY_FILE, TAKEN_FOLDER = "tables.json", "taken"
_MAX_COPY_BYTES = 64 * 1024 * 1024
_FORM = 1
_KEPT_RENEWALS = 10  # as many seconds: an ingress may still act on an older copy, and would take the message again


@dataclass(frozen=True, slots=True)
class CopiedTables:
    """The link tables as they were copied.

    Attributes:
        devices: By IMEI.
        executing: The message that each device gets with its next answer, by IMEI.
    """

    devices: dict[str, KpnDevice] = field(default_factory=dict)
    executing: dict[str, Downlink] = field(default_factory=dict)


class IngressCopy:
    """Keeps the copy up to date. For the operators' instance.

    Args:
        folder: The folder that it shares with the ingress.
        store: The store.
    """

    def __init__(self, folder: Path, store: KpnStore) -> None:
        self._folder = folder
        self._store = store
        self._written = b""
        self._ended: dict[str, int] = {}

    def renew(self) -> None:
        """Move on the messages that were taken, and write the copy again if anything changed.

        Raises:
            StoreNotUsable: The database is away.
            FileNotUsable: The folder cannot be written.
        """
        make_folder(self._folder)
        make_folder(self._folder / TAKEN_FOLDER)
        taken = list((self._folder / TAKEN_FOLDER).iterdir())
        for path in taken:
            if path.name not in self._ended:
                self._end(path)
        content = _written(self._store)
        if content != self._written or not (self._folder / COPY_FILE).exists():
            replace_file(self._folder / COPY_FILE, content, SECRET_MODE)
            self._written = content
        for path in taken:
            self._ended[path.name] += 1
            if self._ended[path.name] > _KEPT_RENEWALS:
                path.unlink(missing_ok=True)
                del self._ended[path.name]

    def _end(self, path: Path) -> None:
        """Move on a message that was taken. A file of another name is removed later like all others."""
        with suppress(ValueError, FileNotFoundError):
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            self._store.end_downlink(int(path.name), DownlinkStatus.DELIVERED, at)
        self._ended[path.name] = 0


def read_copy(folder: Path) -> CopiedTables:
    """Read the copy. For the ingress.

    Raises:
        FileNotUsable: There is none yet, or it cannot be read.
        NotPossible: It is of another form, as when two versions run side by side.
    """
    path = folder / COPY_FILE
    try:
        found = json.loads(read_file(path, limit=_MAX_COPY_BYTES))
        devices = [_device(each) for each in found["kpn_devices"]] if found["form"] == _FORM else None
        executing = [_downlink(each) for each in found["executing"]] if found["form"] == _FORM else None
    except (ValueError, TypeError, LookupError, RecursionError):
        devices, executing = None, None
    if devices is None or executing is None:
        raise NotPossible(f"{path} is not a copy of the link tables", "Restart the operators' instance: it writes it.")
    return CopiedTables({each.imei: each for each in devices}, {each.imei: each for each in executing})


def take(folder: Path, downlink: Downlink) -> bool:
    """Take a message for one answer. True for exactly one caller. For the ingress.

    Raises:
        FileNotUsable: The folder cannot be written.
    """
    path = folder / TAKEN_FOLDER / str(downlink.number)
    try:
        os.close(open_file(path, os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    except OSError as error:
        raise FileNotUsable(f"{path}: {error.strerror}", "Make the folder writable.") from None
    return True


def _written(store: KpnStore) -> bytes:
    executing = [
        each for each in store.downlinks(status=DownlinkStatus.EXECUTING) if each.channel is DownlinkChannel.HTTP
    ]
    content = {
        "form": _FORM,
        "kpn_devices": [_device_json(each) for each in store.kpn_devices()],
        "executing": [_downlink_json(each) for each in executing],
    }
    return json.dumps(content, sort_keys=True).encode()


def _device_json(device: KpnDevice) -> dict[str, str | None]:
    sealed = device.sealed_secret
    return {
        "imei": device.imei,
        "link": device.link,
        "sim_type": device.sim_type.value,
        "secret_sealed": None if sealed is None else base64.b64encode(sealed).decode(),
        "added_at": device.added_at.isoformat(),
    }


def _device(found: dict[str, str | None]) -> KpnDevice:
    sealed = found["secret_sealed"]
    return KpnDevice(
        imei=str(found["imei"]),
        link=str(found["link"]),
        iccid="",
        msisdn="",
        rate_plan="",
        sim_type=SimType(str(found["sim_type"])),
        sealed_secret=None if sealed is None else base64.b64decode(sealed, validate=True),
        added_at=datetime.fromisoformat(str(found["added_at"])),
    )


def _downlink_json(downlink: Downlink) -> dict[str, str | int]:
    return {
        "number": downlink.number,
        "imei": downlink.imei,
        "content": downlink.content,
        "queued_at": downlink.queued_at.isoformat(),
        "changed_at": downlink.changed_at.isoformat(),
    }


def _downlink(found: dict[str, str | int]) -> Downlink:
    return Downlink(
        number=int(found["number"]),
        imei=str(found["imei"]),
        channel=DownlinkChannel.HTTP,
        content=str(found["content"]),
        status=DownlinkStatus.EXECUTING,
        queued_at=datetime.fromisoformat(str(found["queued_at"])),
        changed_at=datetime.fromisoformat(str(found["changed_at"])),
    )
