"""The core of the poll: what was known, and what the account says now, become events and what is known then. Pure.

1. A Thing that is PROVISIONED, SUSPENDED or RETIRED cuts the path. So does one that the account no longer has. One that
   it never had says nothing: its name may be mistyped, here or in the account's address.
2. An ACTIVE Thing that the network does not reach degrades the path. After an hour, it cuts it.
3. An ACTIVE Thing that the network reaches only for SMS degrades the path: doors need data.
4. Where the network does not know whether it reaches a Thing, what it said before stays.
5. The same is seldom said twice. That a path works is said again before it is no longer believed. Trouble is said
   again about each hour: somebody else may have said that it is over, or removed the link and registered it again.
6. Another IMEI means that the SIM sits in another device. It is said once, and says nothing of the path.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.conditions import (
    ACTIVE,
    MOVED,
    NOT_FOUND,
    REACHABLE,
    UNREACHABLE,
    UNREACHABLE_LONG,
    Condition,
    condition_of_state,
    event_of,
)
from engage_server.links.sim.polling.memory import LinkMemory, ThingMemory
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.records import PathEvent, PathSays

LONG: Final = timedelta(hours=1)
TROUBLE_AGAIN: Final = timedelta(minutes=45)  # at the usual pace, a round then comes within the hour
_TROUBLE = (PathSays.CUT, PathSays.DEGRADED)
_IMEI_DIGITS = 14  # those that follow are a check digit, or the version of the device's software


@dataclass(frozen=True, slots=True)
class Seen:
    """What the account says of one Thing in this round.

    Attributes:
        name: Its identity in the link, or in the account.
        thing: The Thing. None: the account has none of that identity.
        reached: Whether the network reaches it.
        has_states: Whether the account knows states at all. An operator-neutral API such as CAMARA's only says whether
            the network reaches a Thing.
    """

    name: str
    thing: Thing | None
    reached: Reached = field(default_factory=lambda: Reached(Reachability.UNKNOWN))
    has_states: bool = True

    @property
    def may_carry(self) -> bool:
        """Whether what the network says of it counts: it is ACTIVE, or nobody says that it is not."""
        return self.thing is not None and (self.thing.state is ThingState.ACTIVE or not self.has_states)


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows from a round for one link.

    Attributes:
        events: What to report, in this order.
        memory: What to remember.
    """

    events: tuple[PathEvent, ...]
    memory: LinkMemory


def judged(link: SimLink, before: LinkMemory, seen: Sequence[Seen], now: datetime, repeat_after: timedelta) -> Judged:
    """Return what a round says of a link.

    Args:
        link: The link.
        before: What was known of it.
        seen: All its Things, as the account has them now.
        now: The time; aware.
        repeat_after: After which time it is said again that the path works.
    """
    seen = sorted(seen, key=lambda each: each.name)  # the order of an operator's list means nothing
    things = {
        each.name: _remembered(before.things.get(each.name, ThingMemory()), each, now)
        for each in seen
        if each.thing is not None or each.name in before.things
    }
    after = replace(before, things=things)
    events = [event for each in seen if (event := _moved(link, before, each, now)) is not None]
    event = event_of(link, [_condition(each, things.get(each.name), now) for each in seen], now)
    if event is not None:
        told = _what(event)
        again = TROUBLE_AGAIN if event.says in _TROUBLE else repeat_after
        if _is_new(before, event, told) or _is_old(before, now, again):
            events += _said(link, before, event)
            after = replace(after, told=told, says=event.says.value, told_at=now)
    numbered = [replace(event, key=_key(link, before, event, number)) for number, event in enumerate(events, start=1)]
    return Judged(tuple(numbered), replace(after, number=after.number + len(numbered)))


def _said(link: SimLink, before: LinkMemory, event: PathEvent) -> list[PathEvent]:
    """The event. What is degraded does not end a cut: that must be said before it."""
    if before.says == PathSays.CUT.value and event.says is PathSays.DEGRADED:
        over = PathEvent(link.site, link.link, event.at, ACTIVE, PathSays.RESTORED, {"then": event.kind})
        return [over, event]
    return [event]


def _condition(seen: Seen, memory: ThingMemory | None, now: datetime) -> Condition:
    thing = seen.thing
    if memory is None:
        return Condition(seen.name, "", PathSays.NOTHING)
    if thing is None:
        return Condition(seen.name, NOT_FOUND, PathSays.CUT)
    condition = condition_of_state(thing)
    if not seen.may_carry:
        return condition
    if memory.unreachable_since is not None:
        is_long = now - memory.unreachable_since >= LONG and seen.reached.reachability is not Reachability.SMS
        kind, says = (UNREACHABLE_LONG, PathSays.CUT) if is_long else (UNREACHABLE, PathSays.DEGRADED)
        return replace(condition, kind=kind, says=says)
    if _has_data(seen):
        return replace(condition, kind=REACHABLE, says=PathSays.WORKS)
    return condition


def _remembered(before: ThingMemory, seen: Seen, now: datetime) -> ThingMemory:
    thing = seen.thing
    if thing is None:
        return before
    imei = thing.imei or before.imei
    if not seen.may_carry or _has_data(seen):
        return ThingMemory(imei)
    if seen.reached.reachability is Reachability.UNKNOWN:
        return replace(before, imei=imei)
    return ThingMemory(imei, before.unreachable_since or now)


def _has_data(seen: Seen) -> bool:
    """Whether data gets through to it. A session that exists now says so, too, where the network says nothing else."""
    reachability = seen.reached.reachability
    if reachability is Reachability.UNKNOWN:
        return seen.thing is not None and seen.thing.is_connected is True
    return reachability is Reachability.DATA


def _moved(link: SimLink, before: LinkMemory, seen: Seen, now: datetime) -> PathEvent | None:
    known = before.things.get(seen.name)
    if known is None or seen.thing is None or not known.imei or not seen.thing.imei:
        return None
    if known.imei[:_IMEI_DIGITS] == seen.thing.imei[:_IMEI_DIGITS]:
        return None
    detail = {"thing": seen.name, "imei_before": known.imei, "imei": seen.thing.imei, "means": "possible theft"}
    if seen.thing.group:
        detail["group"] = seen.thing.group
    return PathEvent(link.site, link.link, now, MOVED, PathSays.NOTHING, detail)


def _is_new(before: LinkMemory, event: PathEvent, told: str) -> bool:
    """Whether it differs from what was said. That trouble is over is nothing new after the path was said to work."""
    if event.says is PathSays.RESTORED and before.says == PathSays.WORKS.value:
        return False
    return told != before.told


def _is_old(before: LinkMemory, now: datetime, repeat_after: timedelta) -> bool:
    # a clock that was set back must not keep the path from being believed
    return before.told_at is None or not timedelta(0) <= now - before.told_at < repeat_after


def _what(event: PathEvent) -> str:
    """What an event says and of whom. That the path works is one thing, whichever of several SIMs is reached."""
    if event.says in (PathSays.WORKS, PathSays.RESTORED):
        return event.kind
    return f"{event.kind} {event.says} {event.detail.get('thing', '')} {event.detail.get('of', '')}"


def _key(link: SimLink, before: LinkMemory, event: PathEvent, number: int) -> str:
    """A key for one event: if a round is done again because it was not remembered, its events are the same ones.

    The numbers begin at 1 again when memory is lost. The time keeps later events from the keys of older ones.
    """
    told_at = before.told_at.isoformat() if before.told_at is not None else ""
    detail = (f"{name}={text}" for name, text in event.detail.items())
    text = "\0".join((link.link, event.kind, told_at, str(before.number + number), *detail))
    return f"poll-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:48]}"
