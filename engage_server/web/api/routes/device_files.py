"""Devices' databases and configurations: what access-control systems give to doors."""

from typing import Any

from engage_server.as_json.uploads import PutFileJson, put_file_json
from engage_server.errors import NotFound
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.for_devices import FileForDevice, judged
from engage_server.web.api import problem_codes
from engage_server.web.api.bodies.reasons import ReasonQuery
from engage_server.web.api.route import SEEN, Answer, Call, NoQuery, Route

_MOST_BYTES = 4 * 1024 * 1024
_DATABASE, _CONFIGURATION = FileForDevice.DATABASE, FileForDevice.CONFIGURATION
_THIS_HOST = (
    "Files are on the host that answers, and on no other. With several hosts, do this on each of them. If the site's "
    "hosts share its files (call_in is shared), one answers for all, and each has a new file some seconds later."
)


def version_of_database(call: Call[Any, Any]) -> str:
    """The version of the database. "" for none."""
    return _version(call, _DATABASE)


def version_of_configuration(call: Call[Any, Any]) -> str:
    """The version of the configuration. "" for none."""
    return _version(call, _CONFIGURATION)


def get_device_database(call: Call[NoQuery, None]) -> Answer[dict[str, Any]]:
    """Return a device's database."""
    return _shown(call, _DATABASE)


def get_device_configuration(call: Call[NoQuery, None]) -> Answer[dict[str, Any]]:
    """Return a device's configuration."""
    return _shown(call, _CONFIGURATION)


def put_device_database(call: Call[ReasonQuery, bytes]) -> Answer[PutFileJson]:
    """Give a device another database."""
    return _put(call, _DATABASE)


def put_device_configuration(call: Call[ReasonQuery, bytes]) -> Answer[PutFileJson]:
    """Give a device another configuration."""
    return _put(call, _CONFIGURATION)


def _version(call: Call[Any, Any], file: FileForDevice) -> str:
    call.services.sites.get(call.site)
    if call.services.sites.site_of_device(call.serial) not in (None, call.site):
        raise NotFound(
            f"device {call.serial} does not belong to site '{call.site}'",
            "Check the serial number and the site.",
            code="device.not_found",
        )
    return call.services.files_for_devices.version(call.site, call.serial, file)


def _shown(call: Call[NoQuery, None], file: FileForDevice) -> Answer[dict[str, Any]]:
    call.services.sites.get(call.site)
    found = call.services.files_for_devices.read(call.site, call.serial, file)
    return Answer(found.content, found.version)


def _put(call: Call[ReasonQuery, bytes], file: FileForDevice) -> Answer[PutFileJson]:
    occasion = call.because(call.query.reason)
    value = judged(file, call.body)
    put = call.services.device_file_change.put(call.site, call.serial, file, value, call.seen, occasion)
    return Answer(put_file_json(call.site, call.serial, file, put), put.version)


_THIS = {"site": "$response.body#/site", "serial": "$response.body#/serial"}
_SAME = {"site": "$request.path.site", "serial": "$request.path.serial"}

ROUTES = (
    Route(
        method="GET",
        path="/sites/{site}/devices/{serial}/database",
        act=Act.DEVICE_FILES_SEE,
        summary="A device's database, as it was put",
        description=_THIS_HOST,
        handle=get_device_database,
        answer=dict[str, Any],
        tag="devices",
        has_etag=True,
        links={"put_device_database": _SAME | SEEN},
        problems=("database.not_found", "device_files.damaged", *problem_codes.OF_FILES),
    ),
    Route(
        method="PUT",
        path="/sites/{site}/devices/{serial}/database",
        act=Act.DEVICE_FILES_PUT,
        summary="Give a device another database",
        description="The body is the database answer that the device will get, at its next call. The one before is "
        "kept, for devices that still have it. A device on no list is put on the site's list. Send the ETag of the "
        f"database that you have seen, or If-None-Match: * for the first one. {_THIS_HOST}",
        handle=put_device_database,
        answer=PutFileJson,
        query=ReasonQuery,
        body=bytes,
        body_bytes=_MOST_BYTES,
        body_example={
            "db": {"usrRcrd": {"deleteAll": 1, "delete": [], "update": [], "add": []}, "schedules": [{}]},
            "nxtDbVerTS": "0x00000000000000AB",
        },
        tag="devices",
        has_etag=True,
        version=version_of_database,
        links={"get_device_database": _THIS},
        writes=AuditAction.DEVICES_IMPORTED,
        problems=(
            "device.not_found",
            "database.harmful",
            "database.not_newer",
            "device.too_long",
            *problem_codes.OF_FILES,
        ),
    ),
    Route(
        method="GET",
        path="/sites/{site}/devices/{serial}/configuration",
        act=Act.DEVICE_FILES_SEE,
        summary="A device's configuration, as it was put",
        description=_THIS_HOST,
        handle=get_device_configuration,
        answer=dict[str, Any],
        tag="devices",
        has_etag=True,
        links={"put_device_configuration": _SAME | SEEN},
        problems=("configuration.not_found", "device_files.damaged", *problem_codes.OF_FILES),
    ),
    Route(
        method="PUT",
        path="/sites/{site}/devices/{serial}/configuration",
        act=Act.DEVICE_FILES_PUT,
        summary="Give a device another configuration",
        description="The device gets it with its next database answer. So it needs a database, too. Send the ETag of "
        f"the configuration that you have seen, or If-None-Match: * for the first one. {_THIS_HOST}",
        handle=put_device_configuration,
        answer=PutFileJson,
        query=ReasonQuery,
        body=bytes,
        body_bytes=_MOST_BYTES,
        body_example={"invalidAttempts": 5},
        tag="devices",
        has_etag=True,
        version=version_of_configuration,
        links={"get_device_configuration": _THIS},
        writes=AuditAction.DEVICES_IMPORTED,
        problems=("device.not_found", "configuration.invalid", "device.too_long", *problem_codes.OF_FILES),
    ),
)
