"""Audit log: what people did, newest first, and whether anybody changed it since."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from engage_server.errors import UsageError
from engage_server.records import AuditAction, AuditEntry, AuditFilter
from engage_server.services.access.permissions import Act, assert_may
from engage_server.services.installation.act_words import Change, act_words, changes_of
from engage_server.services.installation.audit_log import without_address
from engage_server.web.api.route import Scope
from engage_server.web.console.page import Form, Page
from engage_server.web.console.showing.act_titles import act_titles
from engage_server.web.console.visit import Visit

_PATH = "/audit-log"
_ENTRIES = 50
_NO_SITE = "-"  # no site can have this name
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, and what it stands for.

    Attributes:
        entry: The entry.
        words: What was done, without who did it.
        changes: What it recorded.
    """

    entry: AuditEntry
    words: str
    changes: list[Change]


def show(visit: Visit) -> Mapping[str, Any]:
    """One page of the entries that the visitor may see.

    Raises:
        UsageError: A filter cannot be read.
        Refused: The visitor may not see that site.
    """
    sees_all = visit.may(Act.AUDIT_SEE)
    site = _site(visit, sees_all=sees_all)
    page = visit.services.audit.page(_wanted(visit, site), visit.query.get("cursor") or None, visit.at_most(_ENTRIES))
    sees_people = visit.may(Act.PEOPLE_SEE)
    return {
        "entries": [_told(each if sees_people else without_address(each)) for each in page.items],
        "cursor": page.next,
        "site_chosen": _NO_SITE if site == "" else site or "",
        "site_options": _site_options(visit, sees_all=sees_all),
        "actions": [("", "everything")],
        "grouped_actions": act_titles(),
        "is_filtered": any(visit.query.get(name) for name in ("site", "actor", "action", "since", "until", "before")),
        "head": visit.services.audit.head() if sees_all else None,
    }


def verify(visit: Visit) -> Mapping[str, Any]:
    """Read the whole log, and say whether it is as it was written.

    Raises:
        UsageError: What was expected has another form.
        Conflict: It is being read for somebody else.
    """
    verdict = visit.services.audit.verify_in_turn(visit.typed("expect").strip() or None)
    return {"verdict": verdict, "seconds": (visit.clock() - visit.now).total_seconds()}


def _site(visit: Visit, *, sees_all: bool) -> str | None:
    """The site whose entries are asked for. None: all. "": those of no site."""
    asked = visit.query.get("site", "")
    if not asked and not sees_all:
        asked = _of_entry(visit) or next((each for each, _ in _site_options(visit, sees_all=False)), "")
    site = "" if asked == _NO_SITE else asked
    if not (sees_all and not site):
        assert_may(visit.actor, Act.AUDIT_SEE, site)
    return site if asked else None


def _of_entry(visit: Visit) -> str:
    """The site of the entry that a link leads to, if the visitor may see it."""
    newest = visit.services.audit.page(AuditFilter(before=_before(visit)), None, 1).items
    site = newest[0].event.site if newest and visit.query.get("before") else ""
    return site if site and visit.may(Act.AUDIT_SEE, site) else ""


def _site_options(visit: Visit, *, sees_all: bool) -> list[tuple[str, str]]:
    sites = [each.name for each in visit.services.sites.all() if visit.may(Act.AUDIT_SEE, each.name)]
    asked = visit.query.get("site", "")
    if sees_all and asked not in ("", _NO_SITE, *sites):
        sites.append(asked)  # it was removed since
    general = [("", "all"), (_NO_SITE, "no site")] if sees_all else []
    return [*general, *((each, each) for each in sites)]


def _wanted(visit: Visit, site: str | None) -> AuditFilter:
    action = visit.query.get("action", "")
    if action and action not in list(AuditAction):
        raise UsageError(f"the audit log knows no action '{action[:80]}'", "Choose one of the list.")
    since, until = _day(visit, "since"), _day(visit, "until")
    return AuditFilter(
        site,
        visit.query.get("actor", "").strip() or None,
        (AuditAction(action),) if action else (),
        since,
        until + _DAY if until else None,
        _before(visit),
    )


def _before(visit: Visit) -> int | None:
    text = visit.query.get("before", "")
    if text and not _NUMBER.fullmatch(text):
        raise UsageError(f"'{text[:80]}' is no number of an entry", "Use a number such as 41.")
    return int(text) if text else None


def _day(visit: Visit, name: str) -> datetime | None:
    text = visit.query.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 2999:
        raise UsageError(f"'{text[:80]}' is no day", "Write it as year, month and day, such as 2026-11-26.")
    return datetime.combine(day, time(), UTC)


def _told(entry: AuditEntry) -> Told:
    return Told(entry, act_words(entry.event), changes_of(entry.event))


PAGES = (
    Page(
        "audit-log",
        _PATH,
        "Audit log",
        Act.AUDIT_SEE,
        show,
        Scope.SOMEWHERE,
        forms=(Form(f"{_PATH}/verify", Act.AUDIT_SEE, verify, Scope.EVERYWHERE),),
    ),
)
