"""Devices: those of a site, one with its evidence, lists of them, and their end."""

import hashlib
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from engage_server.as_json.devices import (
    AddedDevicesJson,
    DeviceJson,
    ForgottenDeviceJson,
    KnownDeviceJson,
    device_json,
    known_device_json,
)
from engage_server.as_json.sightings import SightingJson, sighting_json
from engage_server.errors import BodyInvalid, Conflict, NotFound
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import NO_LABEL, AuditAction, AuditEntry, DeviceLabel, Host
from engage_server.services.access.permissions import Act, may
from engage_server.services.device_files.for_devices import FileForDevice
from engage_server.services.evidence.device_view import DeviceView
from engage_server.web.api import problem_codes
from engage_server.web.api.bodies.reasons import Reason, ReasonQuery
from engage_server.web.api.paging import PageJson, PageQuery, page_answer
from engage_server.web.api.route import SEEN, Answer, Body, Call, NoQuery, Route
from engage_server.web.api.routes.sites import HostText

_MOST_SERIALS = 10_000
_LONGEST_IDENTITY = 64


def _serial(text: str) -> str:
    decoded = decode_serial(text)
    if decoded is None:
        raise ValueError("a serial number: 32 hexadecimal digits, or Base64 as devices send it")
    return decoded


SerialText = Annotated[
    str,
    AfterValidator(_serial),
    Field(min_length=22, max_length=32, examples=["0000000000000000A0B1000000000206"]),
]


class DeviceQuery(PageQuery):
    """Which devices of a site."""

    release: int | None = Field(
        None, ge=1, le=999_999_999, description="Say how far each device came with this release."
    )
    missing: bool = Field(False, description="Only devices that have not finished TLS with that release.")
    troubled: bool = Field(False, description="Only devices that seem to be in trouble.")
    unseen: bool = Field(False, description="Only devices on the list that the site never saw.")
    calls: HostText | None = Field(None, description="Only devices that called this host last.")
    search: str | None = Field(
        None,
        min_length=1,
        max_length=120,
        pattern=r"\S",
        description="Only devices with a word in their name or place, or a number, that begins so. Case and accents do "
        "not count. The devices are in the order of what was found.",
    )
    after: str | None = Field(
        None,
        min_length=1,
        max_length=_LONGEST_IDENTITY,
        description="For the first page: only devices after this serial number, or part of one.",
    )

    @model_validator(mode="after")
    def _one_question(self) -> "DeviceQuery":
        if self.missing and self.release is None:
            raise ValueError("'missing' needs 'release'")
        if self.search is not None and self.after is not None:
            raise ValueError("'search' and 'after' exclude each other")
        return self


class DevicesToAdd(Body):
    """Devices of a site, all or none."""

    serials: Annotated[list[SerialText], Field(min_length=1, max_length=_MOST_SERIALS)]
    """Their serial numbers. The same one twice counts once."""
    reason: Reason = ""
    """Why, for the audit log."""


class DeviceForgetting(Body):
    """Why what is known about a device is dropped."""

    reason: Reason = ""
    """Why, for the audit log."""


def version_of_device(call: Call[Any, Any], label: DeviceLabel | None = None) -> str:
    """What a device has at its site: its place on the list, its name, its files. What it does changes nothing here.

    Args:
        call: The call.
        label: The name that counts. None: the one that it has now.
    """
    services = call.services
    services.evidence.at_site(call.site, call.serial, call.occasion.now)
    files = services.files_for_devices
    label = label_of(call) if label is None else label
    parts = [str(services.sites.site_of_device(call.serial) == call.site), repr(label)]
    parts += [files.version(call.site, call.serial, file) for file in FileForDevice]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]


def label_of(call: Call[Any, Any]) -> DeviceLabel:
    """What the device in the path is called."""
    return call.services.evidence.labels(call.site, [call.serial]).get(call.serial, NO_LABEL)


def version_of_removal(call: Call[Any, Any]) -> str:
    """The same. It is "files" for a device of which only files are left, which no other route knows."""
    try:
        return version_of_device(call)
    except NotFound as error:
        if error.code != "device.not_found" or not call.services.removal.has_files(call.site, call.serial):
            raise
        return "files"


def list_devices(call: Call[DeviceQuery, None]) -> Answer[PageJson[DeviceJson]]:
    """List the devices of a site."""
    query, now = call.query, call.occasion.now
    wanted = call.services.evidence.filter(
        call.site,
        now,
        release=query.release,
        missing=query.missing,
        troubled=query.troubled,
        host=Host.parse(query.calls) if query.calls else None,
        search=query.search or "",
        unseen=query.unseen,
    )
    beyond = decode_serial(query.after or "") or query.after or ""
    page = call.services.evidence.page(call.site, now, wanted, query.cursor, query.limit, beyond=beyond)
    return page_answer(page, [device_json(_told(call, each)) for each in page.items])


def get_device(call: Call[NoQuery, None]) -> Answer[KnownDeviceJson]:
    """Return one device with its evidence."""
    version, services, now = version_of_device(call), call.services, call.occasion.now
    view = _told(call, services.evidence.at_site(call.site, call.serial, now))
    faults = [each for each in services.call_faults.recent(call.site, now) if each.device == call.serial]
    try:
        events = services.devices.events(call.site, call.serial)
    except BodyInvalid:
        raise Conflict(
            f"a file with uploads of device {call.serial} is damaged on this host",
            "Restore it from a backup, or move it away.",
            code="device_files.damaged",
        ) from None
    given = services.devices.given(call.site, call.serial)
    return Answer(known_device_json(view, given, events, faults), version)


def list_device_sightings(call: Call[PageQuery, None]) -> Answer[PageJson[SightingJson]]:
    """List what a device did lately at this site."""
    call.services.sites.get(call.site)
    page = call.services.evidence.sightings(call.serial, call.site, call.query.cursor, call.query.limit)
    return page_answer(page, [sighting_json(each) for each in page.items])


def add_devices(call: Call[NoQuery, DevicesToAdd]) -> Answer[AddedDevicesJson]:
    """Put devices on a site's list."""
    serials = list(dict.fromkeys(call.body.serials))
    try:
        added = call.services.sites.add_devices(serials, call.site, call.because(call.body.reason))
    except Conflict as conflict:
        raise _of_another_site(call, serials, conflict) from None
    return _added(call, added)


def add_devices_again(call: Call[NoQuery, DevicesToAdd], entry: AuditEntry) -> Answer[AddedDevicesJson]:
    """Say what became of the list."""
    return _added(call, int(entry.event.facts["added"]))


def forget_device(call: Call[NoQuery, DeviceForgetting]) -> Answer[ForgottenDeviceJson]:
    """Drop what is known about a device at this site."""
    reason = call.body.reason
    call.services.evidence.forget(call.serial, call.site, reason, call.because(reason))
    return Answer({"serial": call.serial, "site": call.site})


def remove_device(call: Call[ReasonQuery, None]) -> Answer[None]:
    """Remove a device from a site."""
    reason = call.query.reason
    call.services.removal.device(call.serial, call.site, reason, call.because(reason))
    return Answer(None)


def _told(call: Call[Any, Any], view: DeviceView) -> DeviceView:
    """A device as the caller may know it."""
    return view.told_to(lambda site: may(call.actor, Act.DEVICE_SEE, site))


def _added(call: Call[NoQuery, DevicesToAdd], added: int) -> Answer[AddedDevicesJson]:
    total = len(set(call.body.serials))
    return Answer({"site": call.site, "added": added, "already_there": total - added})


def _of_another_site(call: Call[NoQuery, DevicesToAdd], serials: list[str], conflict: Conflict) -> Conflict:
    """The same refusal. It names the other site only to those who may see it."""
    if conflict.code != "device.conflict":
        return conflict
    for serial in serials:
        owner = call.services.sites.site_of_device(serial)
        if owner not in (None, call.site):
            break
    else:  # it was removed from there meanwhile
        return conflict
    where = f"site '{owner}'" if may(call.actor, Act.DEVICE_SEE, str(owner)) else "another site"
    return Conflict(
        f"device {serial} belongs to {where}, so none was added",
        "A device has the key of one site. If it was commissioned again, remove it from the other site first.",
        code="device.conflict",
    )


_THIS = {"site": "$response.body#/site", "serial": "$response.body#/serial"}

ROUTES = (
    Route(
        method="GET",
        path="/sites/{site}/devices",
        act=Act.DEVICE_SEE,
        summary="A site's devices, by serial number or address",
        description="Those on its list, and those that called it. With a filter, a page may be empty before the last.",
        handle=list_devices,
        answer=PageJson[DeviceJson],
        query=DeviceQuery,
        tag="devices",
        links={"get_device": {"site": "$response.body#/items/0/site", "serial": "$response.body#/items/0/serial"}},
        problems=("cursor.invalid", "release.not_found"),
    ),
    Route(
        method="POST",
        path="/sites/{site}/devices",
        act=Act.DEVICE_ADD,
        summary="Put devices on a site's list",
        description="All of them or none. Those that are on it already stay. If none is new, nothing is written, not "
        "even to the audit log.",
        handle=add_devices,
        answer=AddedDevicesJson,
        body=DevicesToAdd,
        body_bytes=1024 * 1024,
        body_example={"serials": ["0000000000000000A0B1000000000206"], "reason": "doors of floor 3"},
        tag="devices",
        writes=AuditAction.DEVICE_ADDED,
        replayed=add_devices_again,
        links={"get_device": {"site": "$response.body#/site", "serial": "$request.body#/serials/0"}},
        problems=("device.conflict",),
    ),
    Route(
        method="GET",
        path="/sites/{site}/devices/{serial}",
        act=Act.DEVICE_SEE,
        summary="One device, with all that this site knows of it",
        description="Its events and its last database call are those of the host that answers.",
        handle=get_device,
        answer=KnownDeviceJson,
        tag="devices",
        has_etag=True,
        links={
            "change_device": _THIS | SEEN,
            "remove_device": _THIS | SEEN,
            "forget_device": _THIS | SEEN,
            "list_device_sightings": _THIS,
            "list_device_uploads": _THIS,
            "get_device_database": _THIS,
            "get_device_configuration": _THIS,
        },
        problems=("device.not_found", "device_files.damaged", *problem_codes.OF_FILES),
    ),
    Route(
        method="DELETE",
        path="/sites/{site}/devices/{serial}",
        act=Act.DEVICE_REMOVE,
        summary="Remove a device with its evidence and its files",
        description="It is taken off the site's list. If it calls again, it is a new device. Its files on other hosts "
        "stay. A device that is on no list and never called can have files left: to remove them, send `If-Match: *`.",
        handle=remove_device,
        answer=None,
        query=ReasonQuery,
        status=204,
        tag="devices",
        version=version_of_removal,
        writes=AuditAction.DEVICE_REMOVED,
        problems=("device.not_found", *problem_codes.OF_FILES),
    ),
    Route(
        method="POST",
        path="/sites/{site}/devices/{serial}/forget",
        act=Act.DEVICE_FORGET,
        summary="Drop the evidence of a device that is gone or never was one",
        description="It stays on the list, and its files stay. If it calls again, it counts as a new one.",
        handle=forget_device,
        answer=ForgottenDeviceJson,
        body=DeviceForgetting,
        body_example={"reason": "the door was replaced"},
        tag="devices",
        version=version_of_device,
        writes=AuditAction.DEVICE_FORGOTTEN,
        problems=("device.not_found", *problem_codes.OF_FILES),
    ),
    Route(
        method="GET",
        path="/sites/{site}/devices/{serial}/sightings",
        act=Act.DEVICE_SEE,
        summary="What a device did lately at this site, newest first",
        description="A device that was never seen here has an empty list.",
        handle=list_device_sightings,
        answer=PageJson[SightingJson],
        query=PageQuery,
        tag="devices",
        problems=("cursor.invalid",),
    ),
)
