"""Filters of the templates: how times, counts and sentences are written."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from jinja2 import pass_context
from markupsafe import Markup

from engage_server.records import DeviceLabel, door_title
from engage_server.services.risk.kinds import Severity

_FORMAT = "%Y-%m-%d %H:%M UTC"
_TIME = re.compile(r"(\b\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC\b)", re.ASCII)
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


@pass_context
def sentence(context: Mapping[str, Any], text: str, zone: tzinfo | None = None) -> str | Markup:
    """A sentence as a page shows it: with a capital, a full stop at its end, and its times as :func:`local_time`.

    Services write times in UTC. The column beside such a sentence has the site's time, and so must the sentence.

    A name stays as it is: an address, a file, or whatever else a sentence begins with that is no word.

    Args:
        context: Of the template: its ``own_zone`` counts if no other is given.
        text: The sentence.
        zone: Where the reader thinks.
    """
    stripped = text.strip()
    if not stripped:
        return ""
    first = stripped.split(maxsplit=1)[0].rstrip(".,;!?")  # with a colon it names what the sentence is about
    begins = stripped[0] if _NAME.search(first) else stripped[0].upper()
    whole = begins + stripped[1:] + ("" if stripped[-1] in ".!?:" else ".")
    return with_local_times(whole, zone or context.get("own_zone") or UTC)


@pass_context
def times_in_zone(context: Mapping[str, Any], text: str) -> str | Markup:
    """A text that is no sentence, with its times as :func:`local_time`."""
    return with_local_times(text, context.get("own_zone") or UTC)


def with_local_times(text: str, zone: tzinfo) -> str | Markup:
    """The text with each time in it as a clock on the wall there shows it. What is no time stays as it is."""
    parts = _TIME.split(text)
    if len(parts) == 1:
        return text
    return Markup("").join(_time_or_text(part, zone) if place % 2 else part for place, part in enumerate(parts))


def _time_or_text(part: str, zone: tzinfo) -> str | Markup:
    try:
        return local_time(datetime.strptime(part, _FORMAT).replace(tzinfo=UTC), zone)
    except (ValueError, OverflowError):  # others may write what only looks like a time
        return part


def first_of(items: Collection[Any], most: int) -> str:
    """The first of some items, and how many more there are: ``a, b and 97 more``. "" for none.

    Args:
        items: In the order in which they are to be read.
        most: How many are named.
    """
    named = ", ".join(str(each) for each, _ in zip(items, range(most), strict=False))
    return f"{named} and {len(items) - most:,} more" if len(items) > most else named


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
