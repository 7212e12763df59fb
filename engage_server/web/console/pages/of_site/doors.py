"""Doors: find one by name, place or serial number, add some, and take the list along as CSV."""

from collections.abc import Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

from engage_server.errors import BodyInvalid, Conflict
from engage_server.records import NO_LABEL, DeviceLabel, door_title
from engage_server.services.access.permissions import Act
from engage_server.services.doors.csv_list import csv_parts
from engage_server.services.doors.listing import IN_A_PAGE, Which, doors_at_risk_after, listed_doors
from engage_server.services.evidence.devices import DeviceFilter
from engage_server.services.risk.doors import told_to
from engage_server.services.sites.device_list import read_device_list, text_of_list
from engage_server.services.sites.naming import read_device_label
from engage_server.services.sites.serials import read_serial
from engage_server.web.console.page import Download, File, Form, Page
from engage_server.web.console.showing.done import after
from engage_server.web.console.turns import Turns
from engage_server.web.console.visit import Visit

_LONGEST_SEARCH = 120
_MOST_BYTES = 1024 * 1024
_MOST_LINES = 5000  # some seconds of work; more are for the command line
_IN_MEMORY = 4 * 1024 * 1024  # of a file for a download; more lies on disk
_AT_ONCE = 64 * 1024
_importing = Turns("importing lists of doors")
_listing = Turns("downloading lists of doors")
_FILE = "file"
FILTERS = (
    (Which.ALL, "All doors"),
    (Which.AT_RISK, "At risk tonight"),
    (Which.TROUBLED, "In trouble"),
    (Which.MISSING, "Not yet with the served release"),
    (Which.UNSEEN, "Never seen"),
)
_COMMANDS = {
    Which.TROUBLED: "engage device list --site {site} --troubled",
    Which.MISSING: "engage device list --site {site} --missing",
    Which.UNSEEN: "engage device list --site {site} --unseen",
}


def show(visit: Visit) -> Mapping[str, Any]:
    """A page of the list, and the forms that add to it."""
    which, search = _which(visit), _search(visit)
    served = visit.services.releases.current(visit.site.name)
    content = {
        "which": which,
        "search": search,
        "served": served,
        "filters": [(each, title, visit.link(cursor=None, show=_in_address(each))) for each, title in FILTERS],
        "own_path": f"/sites/{visit.site.name}/doors",
        "csv_path": visit.link(cursor=None).replace("/doors", "/doors.csv", 1),
        "may_add": visit.may(Act.DEVICE_ADD),
        "has_list": visit.services.evidence.has_list(visit.site.name),
        "command_line": _command(visit, which, search),
        "most_lines": _MOST_LINES,
    }
    if which is Which.AT_RISK:
        return content | _at_risk(visit)
    most = visit.at_most(IN_A_PAGE)
    found = listed_doors(visit.services.evidence, visit.site.name, visit.now, _filter(visit), _cursor(visit), most)
    doors = [each.told_to(lambda site: visit.may(Act.DEVICE_SEE, site)) for each in found.doors]
    return content | {"doors": doors, "next": found.next}


def add(visit: Visit) -> str:
    """Put one door on the list, with what people call it."""
    serial = read_serial(visit.typed("serial").strip())
    label = read_device_label(visit.typed("name"), visit.typed("place"))
    _assert_not_called_otherwise(visit, serial, label)
    visit.services.sites.add_device(serial, visit.site.name, visit.because(), label)
    return after(visit, f"/sites/{visit.site.name}/doors/{serial}")


def import_list(visit: Visit) -> str:
    """Put the doors of a file on the list."""
    upload = visit.files.get(_FILE)
    content = upload.read() if upload is not None else b""
    if upload is None or not content:
        raise BodyInvalid("no file was chosen, or it is empty", "Choose a list of serial numbers, such as a CSV file.")
    name = (upload.filename or "the file")[-80:]
    text = text_of_list(content)
    if text is None:
        raise BodyInvalid(f"{name} is not text in UTF-8", "Save it as plain text or CSV in UTF-8.")
    if text.count("\n") > _MOST_LINES:
        raise BodyInvalid(
            f"{name} has more than {_MOST_LINES:,} lines",
            f"Divide it. Or import it on the server: engage device import FILE --site {visit.site.name}",
            code="request.too_large",
        )
    with _importing.taken():
        found = read_device_list(text, name)
        visit.services.device_import.run(visit.site.name, found.serials, (), visit.because(), labels=found.labels)
    return after(visit, f"/sites/{visit.site.name}/doors")


def as_csv(visit: Visit) -> File:
    """What is known of each door that the list shows."""
    evidence, site = visit.services.evidence, visit.site.name
    wanted = _filter(visit)
    found = evidence.every(site, visit.now, wanted)
    told = (each.told_to(lambda other: visit.may(Act.DEVICE_SEE, other)) for each in found)
    with _listing.taken():
        content = _written(_encoded(csv_parts(told)))
    return File(f"doors-of-{site}.csv", "text/csv; charset=utf-8", content)


def _assert_not_called_otherwise(visit: Visit, serial: str, label: DeviceLabel) -> None:
    """A form that adds a door must not give another name to one that somebody named already."""
    before = visit.services.evidence.labels(visit.site.name, [serial]).get(serial, NO_LABEL)
    if before and label and before != label:
        raise Conflict(
            f"{door_title(serial, before)} has a name or a place already, so nothing was done",
            "To change them, open the page of the door.",
            code="device.named",
        )


def _encoded(parts: Iterator[str]) -> Iterator[bytes]:
    """In UTF-8 with a mark: without it, spreadsheets take umlauts for something else."""
    yield b"\xef\xbb\xbf"
    for part in parts:
        yield part.encode()


def _written(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same parts, all made by now: who downloads them slowly keeps nobody from a turn."""
    file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # what reads it closes it
    for part in parts:
        file.write(part)
    file.seek(0)

    def read() -> Iterator[bytes]:
        with file:
            while part := file.read(_AT_ONCE):
                yield part

    return read()


def _at_risk(visit: Visit) -> dict[str, Any]:
    def may_see(site: str) -> bool:
        return visit.may(Act.TONIGHT_SEE, site)

    doors = told_to(visit.services.recent_tonight.look_at(visit.site.name, visit.now), may_see).doors
    shown, following = doors_at_risk_after(doors, _cursor(visit), visit.at_most(IN_A_PAGE))
    return {"at_risk": shown, "count": len(doors), "next": following, "doors": ()}


def _filter(visit: Visit) -> DeviceFilter:
    which, site = _which(visit), visit.site.name
    served = visit.services.releases.current(site)
    return visit.services.evidence.filter(
        site,
        visit.now,
        release=served,
        missing=which is Which.MISSING and served is not None,
        troubled=which is Which.TROUBLED,
        unseen=which is Which.UNSEEN,
        search=_search(visit),
    )


def _which(visit: Visit) -> Which:
    try:
        return Which(visit.query.get("show", Which.ALL))
    except ValueError:
        return Which.ALL


def _search(visit: Visit) -> str:
    return visit.query.get("search", "").strip()[:_LONGEST_SEARCH]


def _cursor(visit: Visit) -> str | None:
    return visit.query.get("cursor") or None


def _in_address(which: Which) -> str | None:
    return None if which is Which.ALL else which.value


def _command(visit: Visit, which: Which, search: str) -> str:
    if which is Which.AT_RISK:
        return "engage tonight"
    told = _COMMANDS.get(which, "engage device list --site {site}").format(site=visit.site.name)
    return f"{told} --search TEXT" if search else told


PAGES = (
    Page(
        "doors",
        "/sites/{site}/doors",
        "Doors",
        Act.DEVICE_SEE,
        show,
        forms=(
            Form("/sites/{site}/doors/add", Act.DEVICE_ADD, add),
            Form("/sites/{site}/doors/import", Act.DEVICE_ADD, import_list, most_bytes=_MOST_BYTES),
        ),
        downloads=(Download("/sites/{site}/doors.csv", Act.DEVICE_SEE, as_csv),),
    ),
)
