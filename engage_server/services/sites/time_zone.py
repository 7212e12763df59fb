"""Parses the names of time zones."""

import difflib
import zoneinfo

from engage_server.errors import UsageError

_NO_PLACE = {"localtime", "Factory"}  # the zone of this machine, and none: neither says where a site is


def read_time_zone(text: str) -> str:
    """The name of a time zone as the IANA writes it. Upper and lower case do not count.

    The zones are those of this system, or of the ``tzdata`` package where the system has none.

    Raises:
        UsageError: There is no such zone. The error names those that are spelled like it.
    """
    names = {each.casefold(): each for each in zoneinfo.available_timezones() - _NO_PLACE}
    wanted = text.strip().casefold()
    if wanted in names:
        return names[wanted]
    like = [names[each] for each in difflib.get_close_matches(wanted, names, 3)]
    like = like or sorted(each for folded, each in names.items() if wanted and folded.endswith(f"/{wanted}"))[:3]
    raise UsageError(
        f"there is no time zone {text[:80]!r}",
        f"Did you mean {' or '.join(like)}?" if like else "Give an IANA name, such as Europe/Berlin.",
        code="site.time_zone",
    )
