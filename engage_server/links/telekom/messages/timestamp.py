"""When a message was created, and until when it is valid."""

import re
from datetime import UTC, datetime, timedelta

from lxml import etree

from engage_server.links.telekom.messages import names
from engage_server.links.telekom.messages.refusals import refusal
from engage_server.links.telekom.messages.xml_text import elements_in

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?Z", re.ASCII)


def read_timestamp(timestamp: etree._Element, at: datetime) -> tuple[datetime, datetime]:
    """Return when a message was created and when it expires.

    Args:
        timestamp: The Timestamp, read from the bytes that are signed.
        at: Now; aware.

    Raises:
        MessageRefused: It is not valid at that time, or for too long.
    """
    found = elements_in(timestamp)
    if sorted(str(each.tag) for each in found) != [names.CREATED, names.EXPIRES]:
        raise refusal("timestamp_form")
    times = {str(each.tag): _time(each) for each in found}
    created, expires = times[names.CREATED], times[names.EXPIRES]
    if not timedelta(0) < expires - created <= names.LIFETIME:  # a sum could lie beyond the year 9999
        raise refusal("lifetime")
    if created > at + names.SKEW:
        raise refusal("future")
    if expires + names.SKEW <= at:
        raise refusal("stale")
    return created, expires


def written(at: datetime) -> str:
    """Return a time as a Timestamp has it, in whole milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _time(element: etree._Element) -> datetime:
    matched = _TIME.fullmatch((element.text or "").strip()) if not len(element) else None
    if matched is None:
        raise refusal("timestamp_form")
    try:
        whole = datetime.fromisoformat(matched[1] + "+00:00")
    except ValueError:
        raise refusal("timestamp_form") from None
    return whole.replace(microsecond=int((matched[2] or ".0")[1:7].ljust(6, "0")))
