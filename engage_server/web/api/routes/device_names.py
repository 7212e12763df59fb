"""What people call a device."""

from engage_server.as_json.devices import DeviceNameJson
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act
from engage_server.web.api.bodies.labels import NameText, PlaceText
from engage_server.web.api.bodies.reasons import Reason
from engage_server.web.api.problem_codes import OF_FILES
from engage_server.web.api.requests import conditions
from engage_server.web.api.route import Answer, Body, Call, NoQuery, Route
from engage_server.web.api.routes.devices import label_of, version_of_device


class DeviceChange(Body):
    """What a device is called from now on. A field that is left out stays as it is."""

    name: NameText | None = None
    """What people call it. Empty removes the name."""
    place: PlaceText | None = None
    """Where it is. Empty removes the place."""
    reason: Reason = ""
    """Why, for the audit log."""


def change_device(call: Call[NoQuery, DeviceChange]) -> Answer[DeviceNameJson]:
    """Give a device a name and a place."""
    body, before = call.body, label_of(call)
    if call.seen not in (None, version_of_device(call, before)):
        raise conditions.changed_meanwhile()
    expected = None if call.seen is None else before
    occasion = call.because(body.reason)
    named = call.services.naming.name(call.serial, call.site, body.name, body.place, occasion, expected)
    label = named.label
    shown: DeviceNameJson = {
        "serial": call.serial,
        "site": call.site,
        "name": label.name or None,
        "place": label.place or None,
    }
    return Answer(shown, version_of_device(call))


ROUTES = (
    Route(
        method="PATCH",
        path="/sites/{site}/devices/{serial}",
        act=Act.DEVICE_NAME,
        summary="Change the name and the place of a device",
        description="The site must have it on its list, or have seen it. A name puts it on no list. If nothing "
        "changes, nothing is written, not even to the audit log.",
        handle=change_device,
        answer=DeviceNameJson,
        body=DeviceChange,
        body_example={"name": "North entrance", "place": "Building 3, ground floor", "reason": "a new sign"},
        tag="devices",
        has_etag=True,
        version=version_of_device,
        writes=AuditAction.DEVICE_NAMED,
        problems=("device.not_found", *OF_FILES),
    ),
)
