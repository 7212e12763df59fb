"""The last safe days of a site, and the same as a calendar file (RFC 5545) for people's calendars. Pure."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from engage_server.records import Site
from engage_server.services.installation.overview import SiteStatus
from engage_server.shown_text import without_controls

_OCTETS = 75  # of a line, without its end: RFC 5545 section 3.1
_WARNED = "-P14D"  # how long before the day calendars remind


@dataclass(frozen=True, slots=True)
class LastSafeDay:
    """The last day on which it is safe to start the rotation of one certificate.

    Attributes:
        role: Of the certificate: ``server``, ``intermediate`` or ``root``.
        day: The day, in the site's time zone.
        ends: When the certificate ends; aware, UTC.
    """

    role: str
    day: date
    ends: datetime


def last_safe_days(status: SiteStatus) -> tuple[LastSafeDay, ...]:
    """Those of the certificates that the site serves, the next one first. Empty if it serves nothing.

    A link is left out: no rotation renews it alone.
    """
    zone = ZoneInfo(status.site.time_zone)
    found = [
        LastSafeDay(each.expiry.role, each.last_safe_start.astimezone(zone).date(), each.expiry.not_after)
        for each in status.certificates
        if each.expiry.role != "link"
    ]
    return tuple(sorted(found, key=lambda each: (each.day, each.role)))


def calendar_file(site: Site, days: Sequence[LastSafeDay], now: datetime) -> str:
    """The days as a calendar file: an event of a whole day for each, with a reminder two weeks before.

    An event keeps its identity as long as its certificate stays. So a calendar that reads a later file moves the event,
    and makes no second one.

    Args:
        site: The site.
        days: At least one: a calendar without an event is none.
        now: When the file is made; aware.
    """
    name = site.title or site.name
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//engage-server//last safe days//EN",
        f"NAME:{_text(f'Certificates of {name}')}",
        *(line for each in days for line in _event(site, each, now)),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(site: Site, each: LastSafeDay, now: datetime) -> Iterator[str]:
    summary = f"{site.title or site.name}: last safe day for the {each.role} certificate"
    yield "BEGIN:VEVENT"
    yield f"UID:{_identity(site, each)}"
    yield f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{each.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{each.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(summary)}"
    yield f"DESCRIPTION:{_text(_description(site, each))}"
    yield "TRANSP:TRANSPARENT"
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"TRIGGER:{_WARNED}"
    yield f"DESCRIPTION:{_text(summary)}"
    yield "END:VALARM"
    yield "END:VEVENT"


def _description(site: Site, each: LastSafeDay) -> str:
    return (
        f"The {each.role} certificate of site {site.name} ends {each.ends:%Y-%m-%d %H:%M} UTC. Start its rotation on "
        f"this day at the latest, so that all doors call in time. Plan it: engage rotate plan --site {site.name}"
    )


def _identity(site: Site, each: LastSafeDay) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{site.hosts[0]} {site.name} {each.role} {each.ends.isoformat()}")


def _text(text: str) -> str:
    """A text value: RFC 5545 section 3.3.11. Control characters have no place in one."""
    shown = without_controls(text)
    return shown.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> str:
    """A line in pieces, none of them longer than a reader must take, and no character in two of them."""
    pieces, room = [""], _OCTETS
    for character in line:
        size = len(character.encode("utf-8", "replace"))
        if size > room:
            pieces.append("")
            room = _OCTETS - 1  # the space before it
        pieces[-1] += character
        room -= size
    return "\r\n ".join(pieces)
