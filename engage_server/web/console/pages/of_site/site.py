"""One site: what it serves, until when, how its doors came through, and what may be changed about it in a browser."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engage_server.errors import NotFound, UsageError
from engage_server.records import AuditAction, Grade, Host, PathEvent
from engage_server.services.access.permissions import Act
from engage_server.services.installation.last_safe_days import calendar_file, last_safe_days
from engage_server.services.installation.overview import SiteStatus
from engage_server.services.releases.views.contents import contents_of, left_words
from engage_server.services.rotation.adoption_nights import AdoptionByNight
from engage_server.services.site_path.words import event_words, state_words
from engage_server.services.sites.register import SiteChanges
from engage_server.services.sites.time_zone import read_time_zone
from engage_server.web.api.routes.sites import change_site
from engage_server.web.console.acting import act_by, occasion_of, route_to
from engage_server.web.console.page import Download, File, Form, Page
from engage_server.web.console.pictures import adoption_by_night, time_line
from engage_server.web.console.pictures.drawing import Picture
from engage_server.web.console.showing.chain_picture import chain_picture
from engage_server.web.console.showing.done import after
from engage_server.web.console.showing.words import counted
from engage_server.web.console.visit import Visit

_PATH = "/sites/{site}"
_LINKS = 10  # of a page
_EVENTS = 5  # of its links
_CAME_THROUGH = (Grade.HANDSHAKE, Grade.AUTHENTICATED)


def show(visit: Visit) -> Mapping[str, Any]:
    """What ``engage status`` and ``engage site show`` say of the site, the figures first."""
    site = visit.site
    figures = visit.services.recent_sites.look_at(site.name, visit.occasion)
    status = figures.status
    night = visit.services.recent_tonight.look_at(site.name, visit.now)
    links = visit.services.paths.links(visit.now, site.name)
    contents = contents_of(status.current) if status.current else None
    workers = visit.services.confirmations.workers()
    number = status.current.number if status.current else None
    behind = [each for each in workers if number is not None and each.served.get(site.name) != number]
    return {
        "status": status,
        "night": night,
        "numbers": _numbers(status, len(night.doors), contents.budget.left if contents else None, visit.now),
        "line": time_line.picture(_line(status, visit.now)) if status.certificates else None,
        "bytes": chain_picture(contents) if contents else None,
        "budget": contents.budget if contents else None,
        "adoption": figures.adoption if figures.adoption and figures.adoption.devices else None,
        "nights": _nights(figures.adoption),
        "counted_at": figures.counted_at,
        "behind": behind,
        "serving": len(workers) - len(behind),
        "workers": len(workers),
        "links": [(each, state_words(each.path)) for each in links[:_LINKS]],
        "links_left_out": max(0, len(links) - _LINKS),
        "events": _events(visit) if links else (),
        "callers": figures.callers if visit.may(Act.SITE_CHANGE) else (),
        "next_of_unserved": _next_of_unserved(status),
    }


def _events(visit: Visit) -> list[tuple[PathEvent, str]]:
    """What links reported last, each with its words."""
    found = visit.services.paths.events(site=visit.site.name, limit=_EVENTS)
    return [(each.event, event_words(each.event)) for each in found]


def _numbers(status: SiteStatus, at_risk: int, left: int | None, now: datetime) -> list[tuple[str, str]]:
    doors = sum(status.grades.values())
    came = sum(status.grades.get(grade, 0) for grade in _CAME_THROUGH)
    found = [("Doors", f"{doors:,}")]
    if status.current is not None:
        found.append((f"Came through with release {status.current.number}", f"{came:,} of {doors:,}"))
    found.append(("At risk tonight", f"{at_risk:,}"))
    if status.certificates:
        first = min(status.certificates, key=lambda each: each.expiry.not_after)
        days = int(first.expiry.days_left(now))
        found.append((f"Next certificate to end: {first.expiry.role}", f"in {counted(days, 'day')}"))
        found.append(("Next last safe day", f"{last_safe_days(status)[0].day:%Y-%m-%d}"))
    if left is not None:
        found.append(("Bytes left in the chain", left_words(left)))
    return found


def _nights(found: AdoptionByNight | None) -> Picture | None:
    """How the doors came through with what is served. None where all bars would be the same: a sentence says it."""
    if found is None or not found.devices:
        return None
    differ = len({night.confirmed for night in found.shown}) > 1
    return adoption_by_night.picture(found) if differ or found.is_judged else None


def _line(status: SiteStatus, now: datetime) -> time_line.TimeLine:
    """The ends in the days of the site. No rotation renews a link alone, so it has no last safe day."""
    zone = ZoneInfo(status.site.time_zone)
    return time_line.TimeLine(
        now,
        tuple(
            time_line.Ending(
                each.expiry.role,
                each.expiry.not_after.astimezone(zone),
                None if each.expiry.role == "link" else each.last_safe_start.astimezone(zone),
            )
            for each in status.certificates
        ),
    )


def _next_of_unserved(status: SiteStatus) -> str:
    """The commands that build the first chain, where the authority's keys are to be."""
    hosts = " ".join(f"--host {host}" for host in status.site.hosts)
    return f"engage chain build certs/{status.site.name} {hosts}"


def change_title(visit: Visit) -> str:
    """What people call the site, and its time zone."""
    body = {
        "title": visit.typed("title").strip(),
        "time_zone": read_time_zone(visit.typed("time_zone")),
        "reason": visit.typed("reason"),
    }
    act_by(route_to(change_site), visit, body)
    return after(visit, f"/sites/{visit.site.name}")


def change_hosts(visit: Visit) -> str:
    """What devices call. To remove a host that doors still call, the site's name is typed."""
    site = visit.site
    hosts = [Host.parse(text) for text in visit.typed("hosts").replace(",", " ").split()]
    if not hosts:
        raise UsageError("the site would have no host", "Write each name or address that doors call.", code="host.none")
    removed = [host for host in site.hosts if host not in hosts]
    called = any(visit.services.evidence.callers_of_host(site.name, host, visit.now).devices for host in removed)
    if called and visit.typed("confirm"):
        visit.assert_typed_site()
    accepts = called and bool(visit.typed("confirm"))
    body = {"hosts": [host.text for host in hosts], "reason": visit.typed("reason"), "accept_failing_doors": accepts}
    act_by(route_to(change_site), visit, body)
    return after(visit, f"/sites/{site.name}")


def change_approvals(visit: Visit) -> str:
    """Need a second person from now on. To do without is for the command line: one session is one person.

    Raises:
        EngageError: It is refused.
    """
    visit.assert_typed_site()
    occasion = occasion_of(visit, AuditAction.SITE_CHANGED)
    visit.services.sites.change(visit.site, SiteChanges(approvals=1), occasion.reason, occasion)
    return after(visit, f"/sites/{visit.site.name}")


def calendar(visit: Visit) -> File:
    """The last safe days for people's calendars.

    Raises:
        NotFound: The site serves nothing, so nothing ends (``site.nothing_served``).
    """
    site = visit.site
    days = last_safe_days(visit.services.overview.look_at(site.name, visit.occasion))
    if not days:
        raise NotFound(
            f"site {site.name} serves nothing yet, so it has no last safe day",
            "Activate a release first.",
            code="site.nothing_served",
        )
    content = calendar_file(site, days, visit.now).encode()
    return File(f"last-safe-days-{site.name}.ics", "text/calendar; charset=utf-8", content)


PAGES = (
    Page(
        "site",
        _PATH,
        "Overview",
        Act.SITE_SEE,
        show,
        forms=(
            Form(f"{_PATH}/title", Act.SITE_CHANGE, change_title),
            Form(f"{_PATH}/hosts", Act.SITE_CHANGE, change_hosts),
            Form(f"{_PATH}/approvals", Act.SITE_CHANGE, change_approvals),
        ),
        downloads=(Download(f"{_PATH}/last-safe-days.ics", Act.SITE_SEE, calendar),),
    ),
)
