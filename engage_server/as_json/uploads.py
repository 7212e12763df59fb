"""What devices uploaded, which uploads a partner's system refused, and which files devices were given."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from engage_server.as_json.formats import Instant, Shape
from engage_server.services.device_files.exchange import DeviceEvent
from engage_server.services.device_files.folder import Collection
from engage_server.services.device_files.for_devices import FileForDevice, VersionedFile
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.device_files.upload_feed import SiteUpload
from engage_server.services.device_files.uploads import Entry
from engage_server.services.waiting.refused_uploads import RefusedUpload

_T = TypeVar("_T")


class UploadJson(Shape):
    """One upload of a device. The same upload that comes again is not another one."""

    digest: str
    """Identifies the upload within its device and kind."""
    received_at: str
    """When this host received it first: UTC, as RFC 3339 writes it. In imported files it is as the file has it."""
    times: int
    """How often it came. A device that gets no answer sends it again."""
    again: list[str]
    """When it came again, oldest first. Only the last times are kept."""
    call: str | None
    """The kind of call, for uploads that readers make: ``scan``, ``credentials`` or ``status``. Null for others."""
    repeated: list[int]
    """The places of events that had already come in an earlier upload, from 0."""
    unread: int | None
    """How many events it has, if those are too many to be compared with earlier ones. Null: they were compared."""
    upload: Any
    """What the device sent, without passwords."""


class SiteUploadJson(Shape):
    """One upload, and whose it is."""

    serial: str
    """The serial number of its device."""
    kind: Collection
    """What it is."""
    received: UploadJson | None
    """The upload. Null: it cannot be read."""
    fault: str | None
    """Why it cannot be read. Null: it can."""


class DeviceEventJson(Shape):
    """One event of a device's audits or alerts."""

    received_at: str
    """When this host received it: UTC, as RFC 3339 writes it. In imported files it is as the file has it."""
    device_time: str
    """When it happened by the device's clock, as the device wrote it. The clock may be wrong. Empty for nothing."""
    upload: str
    """What it came in: ``audit`` or ``alert``."""
    code: str
    """Four hexadecimal digits. Empty if they could not be read."""
    sentence: str
    """What the event means."""


class GivenDatabaseJson(Shape):
    """Which database a device asked with, and which it was given last."""

    given: str
    """The version that it was given. That it arrived is known when the device asks with it."""
    asked_with: str
    """The version that it had when it asked. ``0`` for none."""
    at: Instant
    """When it asked, to the second. For the same call again it may be up to an hour old."""


class PutFileJson(Shape):
    """A file that was put for a device."""

    serial: str
    """The serial number of the device."""
    site: str
    """The name of its site."""
    file: Literal["database", "configuration"]
    """Which file."""
    version: str | None
    """The ``nxtDbVerTS`` of the database, as it was sent. Null: the file is no database."""
    bytes: int
    """How many bytes the file has on this host, where it is written compactly."""


def upload_json(entry: Entry) -> UploadJson:
    """One upload of a device, as its file has it.

    Args:
        entry: The entry. What it need not have may be damaged in an imported file: it is then left out.
    """
    call, times, unread = entry.get("call"), entry.get("times"), entry.get("unread")
    return {
        "digest": entry["digest"],
        "received_at": entry["receivedAt"],
        "times": times if type(times) is int else 1,
        "again": _only(str, entry.get("again")),
        "call": call if isinstance(call, str) else None,
        "repeated": _only(int, entry.get("repeated")),
        "unread": unread if type(unread) is int else None,
        "upload": entry["upload"],
    }


def site_upload_json(each: SiteUpload) -> SiteUploadJson:
    """One upload, and whose it is."""
    return {
        "serial": each.serial,
        "kind": each.collection,
        "received": None if each.entry is None else upload_json(each.entry),
        "fault": each.fault or None,
    }


def events_json(events: Sequence[DeviceEvent]) -> list[DeviceEventJson]:
    """The events of a device's audits."""
    return [
        {
            "received_at": each.received_at,
            "device_time": each.device_time,
            "upload": each.upload,
            "code": each.code,
            "sentence": each.sentence,
        }
        for each in events
    ]


def given_json(given: GivenDatabase | None) -> GivenDatabaseJson | None:
    """Which database a device asked with, and which it was given last."""
    if given is None:
        return None
    return {"given": given.version, "asked_with": given.asked_with, "at": given.at.isoformat()}


def put_file_json(site: str, serial: str, file: FileForDevice, put: VersionedFile) -> PutFileJson:
    """A file that was put for a device."""
    version = put.content.get("nxtDbVerTS") if file is FileForDevice.DATABASE else None
    return {
        "serial": serial,
        "site": site,
        "file": "database" if file is FileForDevice.DATABASE else "configuration",
        "version": None if version is None else str(version),
        "bytes": put.length,
    }


def _only(kind: type[_T], values: object) -> list[_T]:
    return [each for each in values if type(each) is kind] if isinstance(values, list) else []


class RefusedUploadJson(Shape):
    """One upload that a partner's system refused."""

    upload: str
    """The name of its file, which identifies it."""
    site: str
    """The name of its site."""
    device: str
    """The serial number of its device. Without one: ``at-`` and its address."""
    status: int
    """What the system answered."""
    refused_at: Instant
    """When it was refused, or tried again in vain."""
    bytes: int
    """How many bytes its file has."""


def refused_upload_json(site: str, upload: RefusedUpload) -> RefusedUploadJson:
    """One upload that a partner's system refused."""
    return {
        "upload": upload.name,
        "site": site,
        "device": upload.device,
        "status": upload.status,
        "refused_at": upload.refused_at.isoformat(timespec="seconds"),
        "bytes": upload.bytes,
    }
