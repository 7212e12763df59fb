"""The one table of what the kinds of path events mean in words, and what to do about each. Pure.

Kinds that are not in it, such as those of a later partner, are said in words that fit all.
"""

from dataclasses import dataclass
from datetime import datetime

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, PathEvent
from engage_server.services.site_path.standing import SILENCE, PathState, SitePath

_ACTIVATE = 'Let its operator activate it: engage sim set --site {site} --to ACTIVE --reason "..."'
_REPLACE = "Put another SIM into the router, and name it in links.toml."
_LOOK = "Look at the power and the signal of the router. See what the link said: engage link events --link {link}"
_EVENTS = "Find out why: engage link events --link {link}"


@dataclass(frozen=True, slots=True)
class _Words:
    """What a kind means.

    Attributes:
        why: A clause, of which "its" is the site's.
        mend: What to do, with the command that does it.
        partly: The clause where the path is only degraded by it: other SIMs or links still carry something.
    """

    why: str
    mend: str = _EVENTS
    partly: str = ""


_OF_KIND = {
    "sim_provisioned": _Words("its SIM is not active yet", _ACTIVATE, "one of its SIMs is not active yet"),
    "sim_suspended": _Words("its SIM is suspended", _ACTIVATE, "one of its SIMs is suspended"),
    "sim_retired": _Words("its SIM is retired", _REPLACE, "one of its SIMs is retired"),
    "sim_not_found": _Words(
        "the operator does not know its SIM", _REPLACE, "the operator does not know one of its SIMs"
    ),
    "sim_unreachable": _Words("the network does not reach its SIM", _LOOK),
    "sim_unreachable_long": _Words(
        "the network does not reach its SIM", _LOOK, "the network does not reach one of its SIMs"
    ),
    SILENCE: _Words("its link says nothing"),
}
_OF_STATE = {
    PathState.OK: _Words("its path works"),
    PathState.CUT: _Words("its path is cut"),
    PathState.DEGRADED: _Words("its path is degraded"),
    PathState.UNKNOWN: _Words("nothing is known of its path"),
}


# what happened, as a clause about the link
_EVENTS_IN_WORDS = {
    LINK_REGISTERED: "the link was registered",
    LINK_REMOVED: "the link was removed",
    "kpn_message": "a device sent a message",
    "m2u_message": "the router reported",
    "m2u_new_serial_number": "the router has another serial number",
    "telekom_notification": "Telekom sent a notification",
    "sim_provisioned": "the SIM is not active yet",
    "sim_active": "the SIM is active",
    "sim_suspended": "the SIM is suspended",
    "sim_retired": "the SIM is retired",
    "sim_reachable": "the network reaches the SIM",
    "sim_unreachable": "the network does not reach the SIM",
    "sim_unreachable_long": "the network has not reached the SIM for a long time",
    "sim_moved": "the SIM is in another device: it may be stolen",
    "sim_not_found": "the operator does not know the SIM",
}


def event_words(event: PathEvent) -> str:
    """What happened, as a clause. Of a kind that is not known: its name."""
    said, thing = _EVENTS_IN_WORDS.get(event.kind, event.kind), event.detail.get("thing", "")
    return f"{said} ({thing})" if thing else said


def state_words(path: SitePath) -> str:
    """The state of a path with its cause: ``cut: its SIM is suspended since 2026-11-27 14:02 UTC (link depot-sim)``."""
    why = f": {why_of(path)}" if path.said_by in _OF_KIND else ""
    return f"{path.state}{why}{_since(path)}"


def why_of(path: SitePath) -> str:
    """Why the path is as it is, as a clause: ``its SIM is suspended``. It names neither a time nor the link."""
    words = _words(path)
    return words.partly if words.partly and path.state is PathState.DEGRADED else words.why


def cause_of(path: SitePath) -> str:
    """The same with its time and its link: ``its SIM is suspended since 2026-11-27 14:02 UTC (link depot-sim)``."""
    return f"{why_of(path)}{_since(path)}"


def sentence_of(path: SitePath, site: str, silent: int, *, is_complete: bool = True) -> str:
    """What a cut or degraded path means for the doors of its site, as one sentence without its full stop.

    Args:
        path: The path.
        site: How people call the site.
        silent: How many silent doors it explains. Where it is degraded, it only may explain them.
        is_complete: Whether these are all. Otherwise there are more.
    """
    if not silent:
        return f"the path to {site} is {state_words(path)}"
    doors = _doors(silent, site, is_complete=is_complete)
    if path.state is PathState.CUT:
        return f"{doors} {'is' if silent == 1 else 'are'} silent because {cause_of(path)}"
    return f"{doors} may be silent because {cause_of(path)}"


def sentence_after(until: datetime, site: str, silent: int, *, is_complete: bool = True) -> str:
    """What a cut that is over still means for the doors of its site. The gate of a rotation waits for the same doors.

    Args:
        until: When it ended.
        site: How people call the site.
        silent: How many doors have not come since then, and may still come.
        is_complete: Whether these are all. Otherwise there are more.
    """
    doors, has = _doors(silent, site, is_complete=is_complete), "has" if silent == 1 else "have"
    return f"{doors} {has} not come yet: the path was cut until {until:%Y-%m-%d %H:%M} UTC, and each gets a night"


def mend_of(path: SitePath, site: str) -> str:
    """What to do about it.

    Args:
        path: A path that a link says something about.
        site: The site's name.
    """
    return _words(path).mend.format(site=site, link=path.link)


def _doors(count: int, site: str, *, is_complete: bool) -> str:
    return f"{'' if is_complete else 'at least '}{count:,} door{'' if count == 1 else 's'} of {site}"


def _since(path: SitePath) -> str:
    since = f" since {path.since:%Y-%m-%d %H:%M} UTC" if path.since else ""
    return f"{since}{f' (link {path.link})' if path.link else ''}"


def _words(path: SitePath) -> _Words:
    is_trouble = path.state in (PathState.CUT, PathState.DEGRADED)
    return _OF_KIND.get(path.said_by, _OF_STATE[path.state]) if is_trouble else _OF_STATE[path.state]
