"""The subject of a morning mail, which says all in one line. Pure."""

from datetime import date

from engage_server.services.alerts.morning.briefing import Briefing, SiteBriefing
from engage_server.services.alerts.wording import counted, harmless
from engage_server.services.site_path.standing import PathState

_LONGEST = 200
_SITES = 3


def subject_of(briefing: Briefing) -> str:
    """``main: 3 doors at risk, rotation held, 41 days to last safe start``. Of many sites, the worst are named."""
    day = briefing.morning.day
    told = [each for each in briefing.sites if each.has_anything] or list(briefing.sites)
    parts = [f"{each.name}: {', '.join(_facts(each, day))}" for each in told[:_SITES]]
    if len(told) > _SITES:
        parts.append(f"{counted(len(told) - _SITES, 'more site')}")
    if briefing.backup is not None and briefing.backup.trouble:
        parts.insert(0, "backup not in order")
    late = "Late: " if briefing.morning.is_late else ""
    return harmless(f"{late}{'; '.join(parts)}", _LONGEST)


def alive_subject(briefing: Briefing) -> str:
    """``all well at 2 sites, 41 days to last safe start``."""
    days = [left for each in briefing.sites if (left := days_left(each, briefing.morning.day)) is not None]
    end = f", {days_words(min(days))}" if days else ""
    late = "Late: " if briefing.morning.is_late else ""
    return harmless(f"{late}all well at {counted(len(briefing.sites), 'site')}{end}", _LONGEST)


def days_left(site: SiteBriefing, day: date) -> int | None:
    """How many days are left until its next last safe day. None: it serves nothing."""
    return min(((each.day - day).days for each in site.last_safe_days), default=None)


def days_words(days: int) -> str:
    """The same in words."""
    if days < 0:
        return f"last safe start was {counted(-days, 'day')} ago"
    return "last safe start is today" if not days else f"{counted(days, 'day')} to last safe start"


def _facts(site: SiteBriefing, day: date) -> list[str]:
    found = []
    if site.tonight.path is PathState.CUT:
        silent = site.tonight.explained
        found.append(f"path cut, {counted(silent, 'door')} silent" if silent else "path cut")
    doors = len(site.tonight.doors)
    more = "" if site.tonight.is_complete else "at least "
    found.append(f"{more}{counted(doors, 'door')} at risk" if doors else "no door at risk")
    if site.tonight.lacks_evidence:
        found.append("evidence missing")
    if site.is_held:
        found.append("rotation held")
    elif site.waits_for_approval:
        found.append("approval waits")
    elif site.rotation is not None:
        found.append("rotation open")
    days = days_left(site, day)
    return found if days is None else [*found, days_words(days)]
