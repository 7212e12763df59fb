"""What a morning mail says, as headings with lines: the text and the page are both written from it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from engage_server.services.alerts.morning.briefing import BackupBriefing, Briefing, SiteBriefing
from engage_server.services.alerts.morning.subject import days_left, days_words
from engage_server.services.alerts.wording import counted
from engage_server.services.risk.known import DoorAtRisk
from engage_server.services.risk.walking import by_place

_TIME = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is said.

    Attributes:
        what: A sentence, or what it is about.
        do: What to do about it. "" for nothing.
        link: Where the console shows it. "" for nowhere.
    """

    what: str
    do: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading.

    Attributes:
        heading: What they are about.
        lines: At least one.
    """

    heading: str
    lines: tuple[Line, ...]


def outline_of(briefing: Briefing, most_doors: int) -> list[Section]:
    """What is said, in the order in which it is read.

    Args:
        briefing: What is known.
        most_doors: How many doors are listed at most: the worst of all sites.
    """
    shown = _worst(briefing.sites, most_doors)
    found = [Section(f"{_name(site)}: to decide", tuple(_decisions(site, briefing.address))) for site in briefing.sites]
    for site in briefing.sites:
        found += _of_site(briefing, site, [door for door in shown if door.site == site.name])
    found.append(Section("Last safe days to start a rotation", tuple(_last_days(briefing))))
    if briefing.backup is not None:
        found.append(Section("Backups", tuple(_backups(briefing.backup, briefing.now))))
    return [each for each in found if each.lines]


def _worst(sites: Sequence[SiteBriefing], most: int) -> list[DoorAtRisk]:
    every = [door for site in sites for door in site.tonight.doors]
    return sorted(every, key=lambda door: (-door.severity, door.order))[:most]


def _of_site(briefing: Briefing, site: SiteBriefing, shown: Sequence[DoorAtRisk]) -> Iterator[Section]:
    name = _name(site)
    yield Section(f"{name}: the whole site", tuple(Line(why, mend) for why, mend in site.risks))
    for place in by_place(shown):
        where = place.place or "no place written down"
        yield Section(f"{name}: doors at risk, {where}", tuple(_door(door) for door in place.doors))
    yield Section(f"{name}: more doors at risk", tuple(_more(site, len(shown), f"{briefing.address}/")))
    yield Section(f"{name}: this night", tuple(_night(site)))


def _name(site: SiteBriefing) -> str:
    return f"{site.title} ({site.name})" if site.title else site.name


def _door(door: DoorAtRisk) -> Line:
    worst, mend = door.told[0]
    others = len(door.risks) - 1
    also = f" Also: {counted(others, 'other reason')}." if others else ""
    return Line(f"{door.title}: {worst.kind.severity.word}: {worst.why}.{also}", mend)


def _more(site: SiteBriefing, shown: int, link: str) -> Iterator[Line]:
    left = len(site.tonight.doors) - shown
    if left:
        yield Line(f"{counted(left, 'more door')} at risk. See all of them:", link=link)
    if not site.tonight.is_complete:
        yield Line("There are too many to judge each: more doors may be at risk.", link="" if left else link)


def _decisions(site: SiteBriefing, address: str) -> Iterator[Line]:
    progress, page = site.rotation, f"{address}/sites/{quote(site.name)}"
    if progress is None:
        return
    rotation = progress.rotation
    if site.is_held:
        yield Line(
            f"Rotation {rotation.number} is paused: {rotation.why or 'a person has to decide'}.",
            f"Approve the step, go back, or wait: engage rotate status --site {site.name}",
            f"{page}/rotation",
        )
    elif site.waits_for_approval:
        why = progress.second.sentence if progress.second is not None else "each step needs an approval"
        yield Line(
            f"Rotation {rotation.number} waits for an approval: {why}.",
            f'Approve it: engage rotate approve --site {site.name} --reason "..."',
            f"{page}/rotation",
        )


def _night(site: SiteBriefing) -> Iterator[Line]:
    least = "At least " if site.tonight.lacks_evidence else ""
    yield Line(f"{least}{counted(site.called, 'door')} called since noon.")
    came = site.came
    if came is not None and (came.is_judged or came.tonight):
        yield Line(
            f"{counted(came.tonight, 'door')} came through with release {came.release} tonight. "
            f"{came.confirmed:,} of {counted(came.doors, 'door')} have come through by now."
        )


def _last_days(briefing: Briefing) -> Iterator[Line]:
    for site in briefing.sites:
        left = days_left(site, briefing.morning.day)
        if left is not None:
            days = ", ".join(f"{each.role} {_day(each.day)}" for each in site.last_safe_days)
            yield Line(f"{site.name}: {days_words(left)}: {days}.")


def _backups(backup: BackupBriefing, now: datetime) -> Iterator[Line]:
    if backup.trouble:
        yield Line(f"Not in order: {backup.trouble}.", "See the state of backups: engage status")
    for run, what in ((backup.created, "backup"), (backup.drilled, "drill")):
        if run is None:
            yield Line(f"There is no good {what} yet.")
        else:
            yield Line(f"Last good {what}: {run.at:{_TIME}}, {counted((now - run.at).days, 'day')} ago ({run.file}).")


def _day(day: date) -> str:
    return f"{day:%Y-%m-%d}"
