"""What happened in a rotation, read from the audit log, as sentences. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engage_server.records import AuditAction, AuditEntry, AuditEvent, AuditFilter, Rotation

_A_MOMENT = timedelta(seconds=1)  # an entry at the very end belongs to it

ACTIONS = (
    AuditAction.ROTATION_STARTED,
    AuditAction.ROTATION_ADVANCED,
    AuditAction.ROTATION_HELD,
    AuditAction.ROTATION_APPROVED,
    AuditAction.ROTATION_APPROVED_ALONE,
    AuditAction.ROTATION_ENDED,
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened in a rotation.

    Attributes:
        entry: The number of its entry in the audit log.
        at: When; aware, UTC.
        who: Who did it, as the audit log names them. The servers themselves, if it went on by itself.
        words: What, as a sentence without its full stop.
        reason: Why, in the words of who did it. "" if nobody said.
    """

    entry: int
    at: datetime
    who: str
    words: str
    reason: str


def entries_of(rotation: Rotation) -> AuditFilter:
    """Which entries of the audit log can be about a rotation. Those of others may be among them."""
    until = rotation.ended_at + _A_MOMENT if rotation.ended_at else None
    return AuditFilter(site=rotation.site, actions=ACTIONS, since=rotation.started_at, until=until)


def history_of(rotation: Rotation, entries: Iterable[AuditEntry]) -> tuple[Happening, ...]:
    """What happened in a rotation, in the order of the entries. Entries about other rotations are left out."""
    return tuple(_told(entry) for entry in entries if _is_about(entry.event, rotation))


def _is_about(event: AuditEvent, rotation: Rotation) -> bool:
    return event.action in ACTIONS and event.facts.get("rotation") == str(rotation.number)


def _told(entry: AuditEntry) -> Happening:
    event = entry.event
    return Happening(entry.number, event.at, event.actor, _WORDS[event.action](event.facts), event.reason)


def _started(facts: Mapping[str, str]) -> str:
    return f"started it as {facts.get('way', 'a rotation')}"


def _advanced(facts: Mapping[str, str]) -> str:
    if "staged" in facts:
        return f"staged its chains: release {facts['staged'].replace(' ', ' and release ')}"
    if "release" in facts:
        return f"served release {facts['release']}: {facts.get('gate', '')}"
    return "went on after a pause"


def _held(facts: Mapping[str, str]) -> str:
    return f"paused it until a person decides: {facts.get('why', '')}"


def _approved(facts: Mapping[str, str]) -> str:
    return f"approved the next step, while the gate said: {facts['gate']}" if "gate" in facts else "approved it"


def _approved_alone(facts: Mapping[str, str]) -> str:
    return f"{_approved(facts)}. Nobody else approved"


def _ended(facts: Mapping[str, str]) -> str:
    why = f": {facts['why']}" if facts.get("why") else ""
    return f"ended it as {facts.get('state', '')}, and release {facts.get('release', '')} is served{why}"


_WORDS: Mapping[AuditAction, Callable[[Mapping[str, str]], str]] = {
    AuditAction.ROTATION_STARTED: _started,
    AuditAction.ROTATION_ADVANCED: _advanced,
    AuditAction.ROTATION_HELD: _held,
    AuditAction.ROTATION_APPROVED: _approved,
    AuditAction.ROTATION_APPROVED_ALONE: _approved_alone,
    AuditAction.ROTATION_ENDED: _ended,
}
