"""Filters of the templates: how times, counts and sentences are written."""

import re
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

from engage_server.records import DeviceLabel, door_title
from engage_server.services.risk.kinds import Severity

_KIB = 1024
_NAME = re.compile(r"[\d./:_@\\]")  # in the first word of a sentence
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def local_time(at: datetime | None, zone: tzinfo = UTC, never: str = "never") -> Markup:
    """A time as a clock on the wall there shows it, with UTC in its title.

    Args:
        at: Aware. None for what did not happen.
        zone: Where the reader thinks.
        never: What stands there if it did not happen.
    """
    if at is None:
        return Markup("{}").format(never)  # format escapes
    utc, there = at.astimezone(UTC), at.astimezone(zone)
    suffix = " UTC" if zone is UTC or str(zone) == "UTC" else ""
    return Markup('<time datetime="{}" title="{} UTC">{}{}</time>').format(  # format escapes
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M}", f"{there:%Y-%m-%d %H:%M}", suffix
    )


def local_day(at: datetime | None, zone: tzinfo = UTC, never: str = "never") -> Markup:
    """The day there, with the time in UTC in its title. The arguments are those of :func:`local_time`."""
    if at is None:
        return Markup("{}").format(never)  # format escapes
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(  # format escapes
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M}", f"{at.astimezone(zone):%Y-%m-%d}"
    )


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago something was, in the largest unit: ``3 days ago``."""
    if at is None:
        return "never"
    seconds = int((now - at).total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{counted(seconds // size, unit)} ago"
    return "just now"


def counted(count: int, thing: str, things: str = "") -> str:
    """A count and its thing: ``1 door``, ``2 doors``, ``12,000 doors``."""
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def sentence(text: str) -> str:
    """A sentence as a page shows it: with a capital, and a full stop at its end.

    A name stays as it is: an address, a file, or whatever else a sentence begins with that is no word.
    """
    stripped = text.strip()
    if not stripped:
        return ""
    first = stripped.split(maxsplit=1)[0].rstrip(".,;!?")  # with a colon it names what the sentence is about
    begins = stripped[0] if _NAME.search(first) else stripped[0].upper()
    return begins + stripped[1:] + ("" if stripped[-1] in ".!?:" else ".")


def severity_word(severity: Severity | str) -> str:
    """The stable word of a severity, also if it is one already."""
    return severity if isinstance(severity, str) else severity.word


def door_name(identity: str, label: DeviceLabel | None = None) -> str:
    """A door as every page names it: its name first, then its serial number."""
    return door_title(identity, label or DeviceLabel())


def size_of(count: int) -> str:
    """A number of bytes in the unit that people read: ``3.2 MiB``."""
    if count < _KIB:
        return counted(count, "byte")
    value, units = float(count), iter(("KiB", "MiB", "GiB", "TiB"))
    unit = ""
    while value >= _KIB and (larger := next(units, "")):
        value, unit = value / _KIB, larger
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
