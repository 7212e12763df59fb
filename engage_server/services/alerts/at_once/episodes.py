"""What lasts is said once, then daily, and once more when it is over. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engage_server.records import AlertKind, AlertMark, AlertMessage
from engage_server.services.alerts.at_once.conditions import Condition, begun, ended, going_on

AGAIN_AFTER = timedelta(hours=24)
Key = tuple[AlertKind, str]


@dataclass(frozen=True, slots=True)
class Change:
    """Something to say about what lasts, with the mark that says it once over all nodes.

    Attributes:
        mark: As it becomes, with the version that was seen.
        message: What is said.
        site: The site that it is about.
        period: Makes it unique in the outbox.
    """

    mark: AlertMark
    message: AlertMessage
    site: str
    period: str


def changes(
    marks: Iterable[AlertMark], conditions: Sequence[Condition], judged: Collection[Key], now: datetime, address: str
) -> list[Change]:
    """What is to be said now.

    Args:
        marks: What was said before.
        conditions: What is wrong now.
        judged: What could be judged now. Of the rest nothing is known: it neither begins nor ends.
        now: The time.
        address: The URL of the console.
    """
    known = {(mark.topic, mark.about): mark for mark in marks}
    by_key = {each.key: each for each in conditions}
    return [change for key in judged for change in _of(key, by_key.get(key), known, now, address)]


def _of(
    key: Key, condition: Condition | None, known: dict[tuple[str, str], AlertMark], now: datetime, address: str
) -> Iterator[Change]:
    kind, about = key
    site = "" if kind is AlertKind.HOST_SILENT else about
    mark = known.get((kind.value, about))
    if mark is None or mark.value is None:
        if condition is not None:
            new = AlertMark(kind.value, about, value=_value(condition, now, now))
            yield Change(new, begun(condition, address), site, _period(key, f"{now.isoformat()} begins"))
        return
    began = datetime.fromisoformat(str(mark.value["began"]))
    if condition is None:
        message = ended(kind, str(mark.value["what"]), began, now, address)
        yield Change(replace(mark, value=None), message, site, _period(key, f"{began.isoformat()} ends"))
    elif now - datetime.fromisoformat(str(mark.value["said"])) >= AGAIN_AFTER:
        message = going_on(condition, began, address)
        yield Change(
            replace(mark, value=_value(condition, began, now)),
            message,
            site,
            _period(key, f"{now.isoformat()} goes on"),
        )


def _period(key: Key, when: str) -> str:
    """Two hosts that fall silent at one moment are two alerts of one kind and no site."""
    kind, about = key
    short = hashlib.sha256(about.encode()).hexdigest()[:12]  # a host's name may be longer than there is room
    return f"{when} {short}" if kind is AlertKind.HOST_SILENT else when


def _value(condition: Condition, began: datetime, now: datetime) -> dict[str, object]:
    return {"began": began.isoformat(), "said": now.isoformat(), "what": condition.what}
