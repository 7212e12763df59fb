"""Which entries of the audit log people hear of at once. Pure.

Break-glass is what goes around a rule that protects doors or people, and what takes a secret out of the database:

* A release went live although a check found an error: somebody overrode the finding.
* Somebody became an admin, or an admin's password was replaced by a new link.
* A site key or the release key was exported into a file.
"""

from dataclasses import dataclass
from urllib.parse import quote

from engage_server.records import AlertKind, AlertMessage, AuditAction, AuditEntry, AuditEvent, Role, RotationState
from engage_server.services.alerts.at_once.conditions import message_of
from engage_server.services.installation.act_words import act_words

_SERVED = (AuditAction.RELEASE_ACTIVATED, AuditAction.RELEASE_ROLLED_BACK)
_EXPORTED = (AuditAction.SITE_KEY_EXPORTED, AuditAction.RELEASE_KEY_EXPORTED)
_GRANTED = (AuditAction.PERSON_ADDED, AuditAction.PERSON_CHANGED, AuditAction.TOKEN_ADDED)
_OVERRIDE = "override "


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened, and that people hear of at once.

    Attributes:
        message: What is said.
        site: The site that it is about. "" for the installation.
    """

    message: AlertMessage
    site: str


def news_of(entry: AuditEntry, address: str) -> News | None:
    """What is said of an entry. None: nothing.

    Args:
        entry: The entry.
        address: The URL of the console.
    """
    event = entry.event
    kind = _kind(event)
    if kind is None:
        return None
    where = f"{event.site}: " if event.site else ""
    lines = [f"Entry {entry.number} of the audit log, {event.at:%Y-%m-%d %H:%M} UTC."]
    lines += [f"Reason: {event.reason}"] if event.reason else []
    lines += [
        f"Overridden: {name.removeprefix(_OVERRIDE)}: {why}"
        for name, why in event.facts.items()
        if name.startswith(_OVERRIDE)
    ]
    if kind is AlertKind.ROTATION_TURNED_BACK:
        page = f"/sites/{quote(event.site)}/rotation"
        lines.append(f"Do: Find out why before you start again: engage rotate status --site {event.site}")
    else:
        page = "/audit-log"
        lines.append("Do: If you do not know of this, ask who did it: engage audit show --last 20")
    what = f"{_TITLES[kind]}: {where}{event.actor} {act_words(event)}"
    return News(message_of(kind, what, lines, f"{address}{page}"), event.site)


_TITLES = {
    AlertKind.ROTATION_TURNED_BACK: "Rotation turned back",
    AlertKind.APPROVED_ALONE: "Approved alone",
    AlertKind.BREAK_GLASS: "Break-glass",
}


def _kind(event: AuditEvent) -> AlertKind | None:
    if event.action is AuditAction.ROTATION_ENDED:
        is_back = event.facts.get("state") == RotationState.ROLLED_BACK.value
        return AlertKind.ROTATION_TURNED_BACK if is_back else None
    if event.action is AuditAction.ROTATION_APPROVED_ALONE:
        return AlertKind.APPROVED_ALONE
    return AlertKind.BREAK_GLASS if _is_break_glass(event) else None


def _is_break_glass(event: AuditEvent) -> bool:
    if event.action in _SERVED:
        return any(name.startswith(_OVERRIDE) for name in event.facts)
    if event.action in _GRANTED:
        return event.facts.get("role") == Role.ADMIN.value and event.before.get("role") != Role.ADMIN.value
    return event.action in _EXPORTED or event.action is AuditAction.PERSON_RESET
