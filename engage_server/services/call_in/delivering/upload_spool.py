"""Keeps uploads on their way, as files on this host, until a partner's system or the database has accepted them.

``<spool>/upstream/<site>/pending/<device>~<number>.json`` is one upload each for a partner's system. Those for the
database are in ``.../for-database/``: each goes where it was accepted for. ``.../devices/<device>/`` has what is
known about the device's earlier uploads, and a lock against a second worker. A device is answered when its upload is on
the disk. Uploads that wait or were rejected count for the limits of :mod:`engage_server.services.disk_space.room`.
"""

import base64
import binascii
import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, Conflict, NotPossible
from engage_server.file_locks import DEVICE_SECONDS, locked
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.call_in.delivering.upload_state import DeviceState, UploadTries
from engage_server.services.device_files.folder import MAX_FILE_BYTES
from engage_server.services.device_files.uploads import stamp
from engage_server.services.disk_space.reserve import allocated
from engage_server.services.disk_space.room import DiskRoom
from engage_server.services.disk_space.use import WAITING_FOLDERS, upload_bytes

STATE = "state.json"
TRIES = "tries.json"
FOR_UPSTREAM, FOR_DATABASE = WAITING_FOLDERS
_BY_ADDRESS = "at-"
_MIB = 1024 * 1024
_KNOWN_BYTES = 2 * allocated(1)  # a device's folder and the state file in it
_PENDING = re.compile(r"(?P<device>[A-Za-z0-9._-]{1,80})~(?P<number>[0-9]{10})\.json")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as it came.

    Attributes:
        kind: ``audit`` or ``alert``. On the way to the database also other calls, and the last words of devices.
        target: Path and query. "" on the way to the database.
        body: The body as it came, but without passwords.
        content_type, authorization: The values of these header fields; "" for none.
        address: The device's address.
        received_at: When it arrived, timezone-aware, UTC.
        repeated: Whether this device has sent exactly the same before.
        marked: Whether a virtual lock marked it as its own.
    """

    kind: str
    target: str
    body: bytes = field(repr=False)
    content_type: str
    authorization: str = field(repr=False)
    address: str
    received_at: datetime
    repeated: bool = False
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """An upload that waits.

    Attributes:
        device: The device's serial number; without one, ``at-`` and its address.
        number: The number among the device's uploads. They are passed on in this order.
        path: The path of the file.
    """

    device: str
    number: int
    path: Path

    @property
    def site(self) -> str:
        """The site's name."""
        return self.path.parent.parent.name

    @property
    def serial(self) -> str | None:
        """The device's serial number; None if its upload did not say it."""
        return None if self.device.startswith(_BY_ADDRESS) else self.device

    def read(self) -> Upload:
        """Read the upload.

        Raises:
            BodyInvalid: The file is not an upload.
            FileNotUsable: It cannot be read.
        """
        try:
            value: Any = read_json(read_file(self.path, limit=MAX_FILE_BYTES))
            return Upload(
                kind=str(value["kind"]),
                target=str(value["target"]),
                body=base64.b64decode(value["body"], validate=True),
                content_type=str(value["contentType"]),
                authorization=str(value["authorization"]),
                address=str(value["address"]),
                received_at=datetime.fromisoformat(value["receivedAt"]),
                repeated=bool(value["repeated"]),
                marked=bool(value.get("marked", False)),
            )
        except (KeyError, TypeError, ValueError, binascii.Error, BodyInvalid):
            raise BodyInvalid(f"{self.path} is not an upload of a device", "Check it, and move it away.") from None

    def received(self) -> datetime | None:
        """When it arrived, by the time of its file; None if it was just delivered."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    @property
    def bytes(self) -> int:
        """The bytes that it uses on the disk; 0 if it was just delivered."""
        try:
            return allocated(self.path.stat().st_size)
        except FileNotFoundError:
            return 0


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of keeping an upload.

    Attributes:
        is_first: Whether it is the first of its kind from this device.
        repeated: Whether the device has sent exactly the same recently.
    """

    is_first: bool
    repeated: bool


class UpstreamSpool:
    """The spool of this host.

    Args:
        room: The folder, and how much of the disk devices may use. Above that they must call again, and keep their
            uploads.
        seconds: How long to wait for a device's lock.
        waiting: The folder of the uploads that wait: ``FOR_UPSTREAM`` or ``FOR_DATABASE``.
    """

    def __init__(self, room: DiskRoom, seconds: float = DEVICE_SECONDS, waiting: str = FOR_UPSTREAM) -> None:
        self._waiting = waiting
        self._folder = room.uploads
        self._room = room
        self._seconds = seconds

    def append(self, site: str, device: str, upload: Upload) -> "Appended":
        """Keep an upload.

        Raises:
            NotPossible: A limit is reached, or the disk is full. The answer must let the device call again.
        """
        self._room.reserve.assert_room(len(upload.body) * 2)
        known = self._folder / site / "devices" / device
        pending = self._folder / site / self._waiting
        is_new = not known.is_dir()
        for each in (known, pending):
            if not each.is_dir():
                make_folder(each, within=self._room.data)
        with locked(known, self._seconds):
            state = DeviceState.read(known / STATE)
            digest = hashlib.sha256(upload.target.encode() + b"\n" + upload.body).hexdigest()[:32]
            repeated = digest in state.recent
            content = _written(upload, repeated=repeated)
            room = allocated(len(content)) + (_KNOWN_BYTES if is_new else 0)
            state = self._counted(site, device, state, room, known / STATE)
            self._room.take(site, uploads=room)
            try:
                number = _write_next(pending, device, state.next, content)
            except NotPossible:
                self._room.give_back(site, uploads=room)
                raise
            state.after(number, upload.kind, digest).write(known / STATE)
        return Appended(is_first=upload.kind not in state.kinds, repeated=repeated)

    def pending(self, site: str) -> dict[str, list[Pending]]:
        """The waiting uploads of each device, in order."""
        return _by_device(_scan(self._folder / site / self._waiting))

    def every_pending(self, site: str) -> dict[str, list[Pending]]:
        """The same, wherever they wait for."""
        return _by_device(each for name in WAITING_FOLDERS for each in _scan(self._folder / site / name))

    def done(self, pending: Pending) -> None:
        """Remove an upload that the partner's system has accepted."""
        count = pending.bytes
        pending.path.unlink(missing_ok=True)
        self._room.give_back(pending.site, uploads=count)

    def reject(self, pending: Pending, status: int) -> Path:
        """Move an upload that the upstream system will never accept to ``refused/``, for operators. Nothing is lost."""
        folder = pending.path.parent.parent / "refused"
        make_folder(folder)
        for number in itertools.count(1):
            again = f".{number}" if number > 1 else ""
            target = folder / f"{pending.path.stem}.{status}{again}.json"
            with suppress(FileExistsError):  # the number was used again, because the device's state was lost
                os.link(pending.path, target)
                break
        self._room.give_back(pending.site, refused=-pending.bytes)
        pending.path.unlink()
        return target

    def refused_files(self, site: str) -> list[Path]:
        """The rejected uploads, by device and number."""
        folder = self._folder / site / "refused"
        return sorted(folder.glob("*.json")) if folder.is_dir() else []

    def is_waiting(self, site: str, name: str) -> bool:
        """Whether an upload waits whose file has this name, without ``.json``."""
        return (self._folder / site / self._waiting / f"{name}.json").exists()

    def try_again(self, site: str, refused: Path) -> Path:
        """Put a rejected upload among those that wait, under its old name. Its file stays until it is dropped.

        The days on which it was tried before no longer count.

        Args:
            site: The site's name.
            refused: Its file.

        Raises:
            Conflict: Another upload of the device waits under that name (``upload.waits``).
            FileNotUsable: It cannot be written.
        """
        name = f"{refused.name.partition('.')[0]}.json"
        found = _PENDING.fullmatch(name)
        if found is None:
            raise Conflict(f"{refused.name} is no upload of a device", "Check the file.", code="upload.unknown")
        pending = self._folder / site / self._waiting / name
        make_folder(pending.parent, within=self._room.data)
        (self._folder / site / "devices" / found["device"] / TRIES).unlink(missing_ok=True)
        try:
            os.link(refused, pending)
        except FileExistsError:
            raise Conflict(
                f"an upload of {found['device']} with the same number waits already",
                "Wait until it is delivered, and try again then.",
                code="upload.waits",
            ) from None
        return pending

    def drop_refused(self, site: str, refused: Path, *, waits: bool) -> None:
        """Remove a rejected upload.

        Args:
            site: The site's name.
            refused: Its file.
            waits: Whether it is among those that wait, and so still uses its room.
        """
        count = allocated(refused.stat().st_size)
        refused.unlink()
        self._room.give_back(site, uploads=0 if waits else count, refused=count)

    def rejected(self, site: str) -> int:
        """How many uploads were rejected."""
        folder = self._folder / site / "refused"
        return len(list(folder.glob("*.json"))) if folder.is_dir() else 0

    def counts(self, site: str) -> tuple[int, int]:
        """How many uploads wait, wherever for, and how many the upstream system rejected."""
        return sum(map(len, self.every_pending(site).values())), self.rejected(site)

    def tries(self, pending: Pending) -> UploadTries:
        """The days on which an upload was answered with an error."""
        return UploadTries(self._folder / pending.site / "devices" / pending.device / TRIES, pending.number)

    def _counted(self, site: str, device: str, state: DeviceState, count: int, file: Path) -> DeviceState:
        """The state with this many more bytes, if the device may use them."""
        limits, now = self._room.limits, self._room.clock()
        # without serial numbers, one address may stand for a whole site
        limit = limits.device if not device.startswith(_BY_ADDRESS) else max(limits.device, limits.site // 8)
        if state.bytes + count > limit and state.may_be_measured(now):
            found = _KNOWN_BYTES + upload_bytes(self._folder / site, device)
            state = state.measured(found, now, self._room.clock())
            if state.bytes + count > limit:
                state.write(file)
        if state.bytes + count > limit:
            raise NotPossible(
                f"uploads of {device} fill their {limit // _MIB} MiB (setting device_disk_mib)",
                "Find out what sends so much, and check refused/. Or raise the setting.",
                code="device.full",
            )
        return replace(state, bytes=state.bytes + count)


def device_name(serial: str | None, address: str) -> str:
    """The name of a device in file names."""
    return serial or _BY_ADDRESS + re.sub("[^A-Za-z0-9.-]", "-", address)[:64]


def _write_next(pending: Path, device: str, number: int, content: bytes) -> int:
    """Write under the first free number. The state may be behind, if a process was killed before it was written."""
    while True:
        try:
            write_new_file(pending / f"{device}~{number:010}.json", content, SECRET_MODE)
        except Conflict:
            number += 1
        else:
            return number


def _written(upload: Upload, *, repeated: bool) -> bytes:
    content = write_json(
        {
            "kind": upload.kind,
            "target": upload.target,
            "receivedAt": stamp(upload.received_at),
            "repeated": repeated,
            "marked": upload.marked,
            "address": upload.address,
            "contentType": upload.content_type,
            "authorization": upload.authorization,
            "body": base64.b64encode(upload.body).decode("ascii"),
        }
    )
    if len(content) > MAX_FILE_BYTES:
        raise NotPossible("an upload would be too long to be read again", "Send less at once.")
    return content


def _by_device(uploads: Iterable[Pending]) -> dict[str, list[Pending]]:
    found: dict[str, list[Pending]] = {}
    for each in sorted(uploads, key=lambda each: each.number):
        found.setdefault(each.device, []).append(each)
    return found


def _scan(folder: Path) -> Iterator[Pending]:
    for entry in _files(folder):
        found = _PENDING.fullmatch(entry.name)
        if found is not None:
            yield Pending(found["device"], int(found["number"]), Path(entry.path))


def _files(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except FileNotFoundError:
        return []
