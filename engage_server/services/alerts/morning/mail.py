"""Writes the morning mail: text first, and the same as a plain page. Pure."""

from collections.abc import Sequence

from engage_server.records import AlertKind, AlertMessage
from engage_server.services.alerts.morning.briefing import Briefing
from engage_server.services.alerts.morning.outline import Line, Section, outline_of
from engage_server.services.alerts.morning.subject import alive_subject, subject_of
from engage_server.services.alerts.wording import harmless, in_html

MOST_DOORS = 50
MOST_BYTES = 64 * 1024  # of text and page together; as Base64, with its head, that is less than 100 kB
_LONGEST_LINK = 2000
_ALL = 1_000_000
# doors, then sections and lines of each: the last one fits whatever the lines hold
_LENGTHS = ((MOST_DOORS, _ALL), (25, _ALL), (12, _ALL), (6, _ALL), (3, _ALL), (0, _ALL), (0, 50), (0, 20), (0, 7))


def morning_message(briefing: Briefing) -> AlertMessage | None:
    """What is said to the people of some sites this morning. None: nothing.

    Without anything to say there is one line each Monday: a mail that never comes would say the same as one that is
    lost.
    """
    if briefing.is_said:
        return _whole(briefing)
    if not briefing.morning.is_weekly:
        return None
    subject = alive_subject(briefing)
    text = f"{subject}.\nThis line comes each Monday if there is nothing else to say.\nConsole: {briefing.address}/\n"
    return AlertMessage(AlertKind.ALIVE, subject, text, facts=_facts(briefing))


def whole_message(briefing: Briefing) -> AlertMessage:
    """The same, also if there is nothing to say today: for somebody who asks."""
    return morning_message(briefing) or _whole(briefing)


def _whole(briefing: Briefing) -> AlertMessage:
    """The longest one that is not too long: doors are left out first, then the sections of sites, then lines."""
    subject = subject_of(briefing)
    for doors, most in _LENGTHS:
        sections = _shortened(outline_of(briefing, doors), most, f"{briefing.address}/")
        text, html = _text(briefing, subject, sections), _html(briefing, subject, sections)
        if len(text.encode()) + len(html.encode()) <= MOST_BYTES:
            break
    return AlertMessage(AlertKind.MORNING, subject, text, html, _facts(briefing))


def _shortened(sections: Sequence[Section], most: int, link: str) -> list[Section]:
    """At most so many sections, each with at most so many lines. What is left out is counted; the console has it."""
    kept = [_first_lines(each, most, link) for each in sections[:most]]
    if left := len(sections) - len(kept):
        kept.append(Section("More", (Line(f"{left} more sections are on the console", link=link),)))
    return kept


def _first_lines(section: Section, most: int, link: str) -> Section:
    left = len(section.lines) - most
    if left <= 0:
        return section
    return Section(section.heading, (*section.lines[:most], Line(f"{left} more are on the console", link=link)))


def _late(briefing: Briefing) -> str:
    at = f"{briefing.morning.at:%H:%M} UTC"
    return f"This mail is late. It was due at {at}." if briefing.morning.is_late else ""


def _text(briefing: Briefing, subject: str, sections: Sequence[Section]) -> str:
    lines = [subject, "", *filter(None, [_late(briefing)])]
    for section in sections:
        lines += ["", harmless(section.heading)]
        for line in section.lines:
            lines.append(f"* {harmless(line.what)}")
            lines += [f"  {part}" for part in (f"Do: {harmless(line.do)}" if line.do else "", line.link) if part]
    return "\n".join([*lines, "", f"Console: {briefing.address}/", ""])


def _html(briefing: Briefing, subject: str, sections: Sequence[Section]) -> str:
    parts = [f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{in_html(subject)}</title></head>']
    parts.append(f"<body><h1>{in_html(subject)}</h1>")
    if late := _late(briefing):
        parts.append(f"<p>{in_html(late)}</p>")
    for section in sections:
        parts.append(f"<h2>{in_html(section.heading)}</h2><ul>")
        for line in section.lines:
            do = f"<br>Do: {in_html(line.do)}" if line.do else ""
            parts.append(f"<li>{in_html(line.what)}{do}{_link(line.link)}</li>")
        parts.append("</ul>")
    parts.append(f"<p>Console:{_link(f'{briefing.address}/')}</p></body></html>")
    return "\n".join(parts) + "\n"


def _link(link: str) -> str:
    shown = in_html(link, _LONGEST_LINK)
    return f' <a href="{shown}">{shown}</a>' if link else ""


def _facts(briefing: Briefing) -> dict[str, object]:
    """For programs: the figures of each site."""
    return {
        "day": briefing.morning.day.isoformat(),
        "late": briefing.morning.is_late,
        "sites": [
            {
                "site": each.name,
                "doors_at_risk": len(each.tonight.doors),
                "complete": each.tonight.is_complete,
                "called": each.called,
                "rotation_held": each.is_held,
                "approval_waits": each.waits_for_approval,
                "path": each.tonight.path.value if each.tonight.path else None,
                "last_safe_day": min((day.day.isoformat() for day in each.last_safe_days), default=None),
            }
            for each in briefing.sites
        ],
    }
