"""Says what the form before this page did: read back from the audit log, which has it for good."""

import re
from dataclasses import dataclass
from datetime import timedelta

from engage_server.records import AuditAction, AuditEntry, AuditFilter
from engage_server.services.installation.act_words import act_words
from engage_server.web.console.visit import DONE, Visit

NOTHING = "nothing"
_NUMBER = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_FRESH = timedelta(minutes=10)  # a page that is opened again later says nothing


@dataclass(frozen=True, slots=True)
class Done:
    """What was done.

    Attributes:
        number: Of the entry in the audit log. 0 if nothing had to be changed.
        words: What, in a few words.
    """

    number: int
    words: str


def after(visit: Visit, path: str, action: AuditAction | None = None) -> str:
    """The address of the page that follows an act: it says what the act's newest entry has, or that there is none.

    Args:
        visit: Whose form was carried out.
        path: The path of the page, without a query.
        action: What the form asked for, where that is not the last thing that is written. None: the last thing.
    """
    wanted = AuditFilter(actor=visit.actor.name, actions=(action,) if action else (), since=visit.now)
    newest = visit.services.audit.page(wanted, None, 1).items
    return f"{path}?{DONE}={newest[0].number if newest else NOTHING}"


def what_was_done(visit: Visit) -> Done | None:
    """What the visitor did just before. None if they only look."""
    text = visit.query.get(DONE, "")
    if visit.refusal is None and text == NOTHING:
        return Done(0, "Nothing had to be changed.")
    if visit.refusal is not None or not _NUMBER.fullmatch(text):
        return None
    wanted = AuditFilter(actor=visit.actor.name, before=int(text) + 1, since=visit.now - _FRESH)
    for entry in visit.services.audit.page(wanted, None, 1).items:
        if entry.number == int(text):
            return _told(entry)
    return None


def _told(entry: AuditEntry) -> Done:
    return Done(entry.number, act_words(entry.event))
