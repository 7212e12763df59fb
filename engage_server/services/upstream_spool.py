"""Audits and alerts on their way to a partner's system: files on this host until the system has taken them.

``<spool>/upstream/<site>/pending/<device>~<number>.json`` is one upload each; ``.../devices/<device>/`` holds what is
known of the device's earlier ones, and its lock keeps two workers apart. A device is answered when its upload has
reached the disk.
"""

import base64
import binascii
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.errors import BodyInvalid, Conflict, FileNotUsable, NotPossible
from engage_server.protocol.json_body import read_json, write_json
from engage_server.services.collected import stamp
from engage_server.services.device_folder import MAX_FILE_BYTES, locked
from engage_server.services.durable_files import SECRET_MODE, make_folder, read_file, replace_file, write_new_file

_RECENT = 64  # digests of a device's last uploads: a repeated one is among them
_COUNT_AGAIN_AFTER = 256  # uploads of this process, until the whole spool is measured again
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

    def read(self) -> Upload:
        """The upload.

        Raises:
            BodyInvalid: The file is none of ours.
            FileNotUsable: It can not be read.
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

    def done(self) -> None:
        """The partner's system has taken it."""
        self.path.unlink(missing_ok=True)

    def refuse(self, status: int) -> Path:
        """The partner's system will not take it: lay it aside, where people find it. Nothing is thrown away."""
        folder = self.path.parent.parent / "refused"
        make_folder(folder)
        target = folder / f"{self.path.stem}.{status}.json"
        self.path.rename(target)
        return target


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
        folder: Where it lies.
        limit_bytes: What may wait in all. Above it devices are told to come again: they keep what they have.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._counting = threading.Lock()
        self._room = 0
        self._appended = _COUNT_AGAIN_AFTER

    def append(self, site: str, device: str, upload: Upload) -> "Appended":
        """Keep an upload.

        Raises:
            NotPossible: The spool is full, or the disk: the device must be told to come again.
        """
        self._take_room(len(upload.body) * 2)
        known = self._folder / site / "devices" / device
        pending = self._folder / site / "pending"
        for each in (known, pending):
            if not each.is_dir():
                make_folder(each)
        with locked(known):
            state = _State.read(known / "state.json")
            digest = hashlib.sha256(upload.target.encode() + b"\n" + upload.body).hexdigest()[:32]
            repeated = digest in state.recent
            content = _written(upload, repeated=repeated)
            number = _write_next(pending, device, state.next, content)
            state.after(number, upload.kind, digest).write(known / "state.json")
        return Appended(is_first=upload.kind not in state.kinds, repeated=repeated)

    def pending(self, site: str) -> dict[str, list[Pending]]:
        """What waits, for each device in its order."""
        found: dict[str, list[Pending]] = {}
        for each in sorted(_scan(self._folder / site / "pending"), key=lambda each: each.number):
            found.setdefault(each.device, []).append(each)
        return found

    def refused(self, site: str) -> int:
        """How many uploads were laid aside."""
        folder = self._folder / site / "refused"
        return len(list(folder.glob("*.json"))) if folder.is_dir() else 0

    def _take_room(self, count: int) -> None:
        with self._counting:
            self._appended += 1
            if self._appended >= _COUNT_AGAIN_AFTER or self._room < count:
                self._room = self._limit_bytes - sum(map(_pending_bytes, _files(self._folder)))
                self._appended = 0
            if self._room < count:
                raise NotPossible(
                    "the spool for the partner's system is full",
                    "Mend the way to it, or raise the setting upstream_spool_max_mib.",
                    code="upstream.full",
                )
            self._room -= count


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of a device's earlier uploads."""

    next: int
    kinds: tuple[str, ...]
    recent: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "_State":
        """From its file; anew where there is none, or none of ours: then a repeated upload is taken for a new one."""
        try:
            value: Any = read_json(read_file(path, limit=MAX_FILE_BYTES))
            return cls(int(value["next"]), tuple(map(str, value["kinds"])), tuple(map(str, value["recent"])))
        except (FileNotUsable, BodyInvalid, KeyError, TypeError, ValueError):
            return cls(1, (), ())

    def after(self, number: int, kind: str, digest: str) -> "_State":
        kinds = self.kinds if kind in self.kinds else (*self.kinds, kind)
        return _State(number + 1, kinds, (*self.recent, digest)[-_RECENT:])

    def write(self, path: Path) -> None:
        replace_file(
            path, write_json({"next": self.next, "kinds": list(self.kinds), "recent": list(self.recent)}), SECRET_MODE
        )


def device_name(serial: str | None, address: str) -> str:
    """What a device's files are called."""
    return serial or "at-" + re.sub("[^A-Za-z0-9.-]", "-", address)[:64]


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
    return write_json(
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


def _pending_bytes(site: os.DirEntry[str]) -> int:
    total = 0
    for entry in _files(Path(site.path) / "pending"):
        with suppress(FileNotFoundError):  # taken in between
            total += entry.stat().st_size
    return total
