"""Audits and alerts on their way to a partner's system: files on this host until the system has taken them.

``<spool>/upstream/<site>/pending/<device>~<number>.json`` is one upload each; ``.../devices/<device>/`` holds what is
known of the device's earlier ones, and its lock keeps two workers apart. A device is answered when its upload has
reached the disk. What waits and what was refused is within the limits of :mod:`engage_server.services.disk_space.room`.
"""

import base64
import binascii
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, Conflict, NotPossible
from engage_server.file_locks import DEVICE_SECONDS, locked
from engage_server.files import SECRET_MODE, make_folder, read_file, write_new_file
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.call_in.upload_state import DeviceState, UploadTries
from engage_server.services.device_files.folder import MAX_FILE_BYTES
from engage_server.services.device_files.uploads import stamp
from engage_server.services.disk_space.reserve import allocated
from engage_server.services.disk_space.room import DiskRoom
from engage_server.services.disk_space.use import upload_bytes

STATE = "state.json"
_BY_ADDRESS = "at-"
_MIB = 1024 * 1024
_KNOWN_BYTES = 2 * allocated(1)  # a device's folder, and what is known of it
_PENDING = re.compile(r"(?P<device>[A-Za-z0-9._-]{1,80})~(?P<number>[0-9]{10})\.json")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as it came.

    Attributes:
        kind: ``audit`` or ``alert``.
        target: Path and query.
        body: Without passwords; else as it came.
        content_type, authorization: The header fields' values; "" where there was none.
        address: The device's.
        received_at: When. Aware, UTC.
        repeated: Whether this device has sent the very same before.
    """

    kind: str
    target: str
    body: bytes = field(repr=False)
    content_type: str
    authorization: str = field(repr=False)
    address: str
    received_at: datetime
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """An upload that waits.

    Attributes:
        device: Its serial number, or, lacking one, ``at-`` and its address.
        number: Counts the device's uploads: they are passed on in this order.
        path: Where it lies.
    """

    device: str
    number: int
    path: Path

    @property
    def site(self) -> str:
        """The site's name."""
        return self.path.parent.parent.name

    def read(self) -> Upload:
        """The upload.

        Raises:
            BodyInvalid: The file is none of ours.
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
            )
        except (KeyError, TypeError, ValueError, binascii.Error, BodyInvalid):
            raise BodyInvalid(f"{self.path} is no upload of a device", "Look at it, and move it away.") from None

    def received(self) -> datetime | None:
        """When it came, by its file; None when it has just been taken."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    @property
    def bytes(self) -> int:
        """What it takes on the disk; 0 when it has just been taken."""
        try:
            return allocated(self.path.stat().st_size)
        except FileNotFoundError:
            return 0


@dataclass(frozen=True, slots=True)
class Appended:
    """What is known of an upload that was kept.

    Attributes:
        is_first: Whether it is the first of its kind of this device.
        repeated: Whether the device has sent the very same lately.
    """

    is_first: bool
    repeated: bool


class UpstreamSpool:
    """The spool of this host.

    Args:
        room: Where it lies, and what devices may take of the disk. Above it they are told to come again: they keep what
            they have.
        seconds: How long a device's lock is waited for.
    """

    def __init__(self, room: DiskRoom, seconds: float = DEVICE_SECONDS) -> None:
        self._folder = room.uploads
        self._room = room
        self._seconds = seconds

    def append(self, site: str, device: str, upload: Upload) -> "Appended":
        """Keep an upload.

        Raises:
            NotPossible: A limit is reached, or the disk is full: the device must be told to come again.
        """
        self._room.reserve.assert_room(len(upload.body) * 2)
        known = self._folder / site / "devices" / device
        pending = self._folder / site / "pending"
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
        """What waits, for each device in its order."""
        found: dict[str, list[Pending]] = {}
        for each in sorted(_scan(self._folder / site / "pending"), key=lambda each: each.number):
            found.setdefault(each.device, []).append(each)
        return found

    def done(self, pending: Pending) -> None:
        """The partner's system has taken it."""
        count = pending.bytes
        pending.path.unlink(missing_ok=True)
        self._room.give_back(pending.site, uploads=count)

    def reject(self, pending: Pending, status: int) -> Path:
        """The upstream system will never take it: move it to where people find it. Nothing is thrown away."""
        folder = pending.path.parent.parent / "refused"
        make_folder(folder)
        for number in itertools.count(1):
            again = f".{number}" if number > 1 else ""
            target = folder / f"{pending.path.stem}.{status}{again}.json"
            with suppress(FileExistsError):  # of a number that was used again, after its device's state was lost
                os.link(pending.path, target)
                break
        self._room.give_back(pending.site, refused=-pending.bytes)
        pending.path.unlink()
        return target

    def rejected(self, site: str) -> int:
        """How many uploads were rejected."""
        folder = self._folder / site / "refused"
        return len(list(folder.glob("*.json"))) if folder.is_dir() else 0

    def tries(self, pending: Pending) -> UploadTries:
        """On which days an upload was answered with an error."""
        return UploadTries(self._folder / pending.site / "devices" / pending.device / "tries.json", pending.number)

    def _counted(self, site: str, device: str, state: DeviceState, count: int, file: Path) -> DeviceState:
        """The state with so many bytes more, if the device may have them."""
        limits, now = self._room.limits, self._room.clock()
        # who does not say its serial number may be a whole site behind one address
        limit = limits.device if not device.startswith(_BY_ADDRESS) else max(limits.device, limits.site // 8)
        if state.bytes + count > limit and state.may_be_measured(now):
            found = _KNOWN_BYTES + upload_bytes(self._folder / site, device)
            state = state.measured(found, now, self._room.clock())
            if state.bytes + count > limit:
                state.write(file)
        if state.bytes + count > limit:
            raise NotPossible(
                f"uploads of {device} fill the {limit // _MIB} MiB that a device may (setting device_disk_mib)",
                "Look who sends so much, and into refused/; or raise the setting.",
                code="device.full",
            )
        return replace(state, bytes=state.bytes + count)


def device_name(serial: str | None, address: str) -> str:
    """What a device's files are called."""
    return serial or _BY_ADDRESS + re.sub("[^A-Za-z0-9.-]", "-", address)[:64]


def _write_next(pending: Path, device: str, number: int, content: bytes) -> int:
    """Write under the first free number: a process may have been killed between an upload and its device's state."""
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
            "address": upload.address,
            "contentType": upload.content_type,
            "authorization": upload.authorization,
            "body": base64.b64encode(upload.body).decode("ascii"),
        }
    )
    if len(content) > MAX_FILE_BYTES:
        raise NotPossible("an upload would be longer than can be read again", "Send less at once.")
    return content


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
