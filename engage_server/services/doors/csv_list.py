"""Lists doors as CSV, for spreadsheets. No cell is one that a spreadsheet would calculate."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from engage_server.services.evidence.device_view import DeviceView
from engage_server.services.sites.device_list import harmless_cell

_HEADINGS = (
    *("device", "site", "grade", "first_seen", "last_seen", "nights", "finished_release", "trouble"),
    *("name", "place"),  # after those of earlier versions: some read columns by their place
)
_AT_ONCE = 500  # lines


def csv_parts(found: Iterable[DeviceView]) -> Iterator[str]:
    """The text of the file, some lines at a time, beginning with the headings. Doors are read while it is written.

    Args:
        found: The doors. What people call them may be anything.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for count, each in enumerate(found, 1):
        writer.writerow(_cells(each))
        if count % _AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _cells(each: DeviceView) -> list[object]:
    known = each.history
    return [
        each.identity,
        each.site,
        each.grade.name.lower() if each.grade is not None else "",
        known.first_seen.isoformat() if known else "",
        known.last_seen.isoformat() if known else "",
        known.nights if known else 0,
        known.finished_release if known else 0,
        each.diagnosis.code if each.diagnosis else "",
        harmless_cell(each.label.name),
        harmless_cell(each.label.place),
    ]
