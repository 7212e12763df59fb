"""One door: its nights, what it holds, what is wrong with it, what it did, and its files."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo
from itertools import groupby
from typing import Any

from engage_server.errors import BodyInvalid
from engage_server.records.site import night_of
from engage_server.services.access.permissions import Act
from engage_server.services.device_files.for_devices import FileForDevice, judged
from engage_server.services.doors.door import DoneByDoor, DoorFiles
from engage_server.services.evidence.device_view import GRADE_WORDS, DeviceView
from engage_server.services.risk.door_nights import DoorNight
from engage_server.web.api.bodies.reasons import ReasonQuery
from engage_server.web.api.routes import device_names, devices
from engage_server.web.console.acting import VERSION, act_by, version_of
from engage_server.web.console.page import Form, Page
from engage_server.web.console.pictures import strip
from engage_server.web.console.showing.done import after
from engage_server.web.console.visit import Visit

_Night = tuple[date, str, list[DoneByDoor]]

_LINES = 30  # of the timeline
_NIGHTS = 3  # of the timeline that are not folded away with the earlier ones
_EVENTS = 20
_MOST_BYTES = 4 * 1024 * 1024
_ROUTES = {each.name: each for each in (*devices.ROUTES, *device_names.ROUTES)}


def show(visit: Visit) -> Mapping[str, Any]:
    """The door."""
    view, doors = _view(visit), visit.services.doors
    nights = doors.nights(view, visit.now)
    timeline = doors.timeline(view, visit.query.get("cursor") or None, visit.at_most(_LINES))
    may_see_files, may_name = visit.may(Act.DEVICE_FILES_SEE), visit.may(Act.DEVICE_NAME)
    return {
        "door": view,
        "is_listed": visit.services.sites.site_of_device(visit.door) == visit.site.name,
        "held": doors.held(view, visit.now),
        "strip": strip.picture(strip.Strip(view.title, nights)) if nights else None,
        "refusals_hidden": not doors.shows_refusals(view),
        "grades": _grades(view),
        "timeline": timeline,
        "nights_unfolded": _NIGHTS,
        "by_night": _by_night(timeline.items, nights, visit.zone_of(visit.site)),
        "may_see_files": may_see_files,
        "files": doors.files(view) if may_see_files else DoorFiles(),
        "events_shown": visit.at_most(_EVENTS),
        "faults": doors.faults(view, visit.now),
        "version": version_of(_ROUTES["change_device"], visit, serial=visit.door) if may_name else "",
        "database_version": _database_version(visit, view) if may_see_files else "",
        "own_path": _own_path(visit),
        "may_name": may_name,
        "may_forget": visit.may(Act.DEVICE_FORGET) and view.history is not None,
        "may_remove": visit.may(Act.DEVICE_REMOVE) and view.serial is not None,
        "may_put": visit.may(Act.DEVICE_FILES_PUT) and view.serial is not None,
    }


def name(visit: Visit) -> str:
    """Call it something else."""
    body = {part: visit.typed(part) for part in ("name", "place", "reason")}
    act_by(_ROUTES["change_device"], visit, body, serial=visit.door)
    return after(visit, _own_path(visit))


def forget(visit: Visit) -> str:
    """Drop its evidence. It stays on the list."""
    act_by(_ROUTES["forget_device"], visit, {"reason": visit.typed("reason")}, serial=visit.door)
    is_listed = visit.services.sites.site_of_device(visit.door) == visit.site.name
    return after(visit, _own_path(visit) if is_listed else f"/sites/{visit.site.name}/doors")


def remove(visit: Visit) -> str:
    """Remove it from the site, with its evidence and its files."""
    visit.assert_typed(visit.door, "the serial number")
    act_by(_ROUTES["remove_device"], visit, query=ReasonQuery(reason=visit.typed("reason")), serial=visit.door)
    return after(visit, f"/sites/{visit.site.name}/doors")


def put_database(visit: Visit) -> str:
    """Give it another database, which it fetches at its next call."""
    upload = visit.files.get("file")
    content = upload.read() if upload is not None else b""
    if not content:
        raise BodyInvalid("no file was chosen, or it is empty", "Choose the database: a JSON file.")
    file = FileForDevice.DATABASE
    value, seen = judged(file, content), visit.typed(VERSION)
    visit.services.device_file_change.put(visit.site.name, visit.door, file, value, seen, visit.because())
    return after(visit, _own_path(visit))


def _view(visit: Visit) -> DeviceView:
    found = visit.services.evidence.at_site(visit.site.name, visit.door, visit.now)
    return found.told_to(lambda site: visit.may(Act.DEVICE_SEE, site))


def _own_path(visit: Visit) -> str:
    return f"/sites/{visit.site.name}/doors/{visit.door}"


def _grades(view: DeviceView) -> list[tuple[int, str, Any]]:
    """How far it came with each release that it met, the newest first."""
    met = view.history.releases if view.history else {}
    return [(number, GRADE_WORDS[met[number].grade], met[number].reached_at) for number in sorted(met, reverse=True)]


def _by_night(lines: Sequence[DoneByDoor], nights: Iterable[DoorNight], zone: tzinfo) -> list[_Night]:
    """What it did, in the order of the lines, with the words of the strip for each night that it shows."""
    said = {night.date: strip.WORDS[night.mark] for night in nights}
    grouped = groupby(lines, key=lambda line: night_of(line.at, zone))
    return [(night, said.get(night, ""), list(done)) for night, done in grouped]


def _database_version(visit: Visit, view: DeviceView) -> str:
    if view.serial is None:
        return ""
    return visit.services.files_for_devices.version(visit.site.name, view.serial, FileForDevice.DATABASE)


_PATH = "/sites/{site}/doors/{door}"
PAGES = (
    Page(
        "door",
        _PATH,
        "Door",
        Act.DEVICE_SEE,
        show,
        forms=(
            Form(f"{_PATH}/name", Act.DEVICE_NAME, name),
            Form(f"{_PATH}/forget", Act.DEVICE_FORGET, forget),
            Form(f"{_PATH}/remove", Act.DEVICE_REMOVE, remove),
            Form(f"{_PATH}/database", Act.DEVICE_FILES_PUT, put_database, most_bytes=_MOST_BYTES),
        ),
    ),
)
