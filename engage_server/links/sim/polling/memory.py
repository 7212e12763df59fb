"""What a poll remembers of an account from one round to the next, as JSON. Pure.

Memory that is lost or cannot be read harms little: what is said of paths is then said once more. What was said first of
all may be taken for a repetition. It is said again about an hour later.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

VERSION: Final = 1
MOST_WAIT_SECONDS: Final = 8 * 3600.0
STRETCHES: Final = (0.9, 1.1)


@dataclass(frozen=True, slots=True)
class ThingMemory:
    """What is remembered of a Thing on one link.

    Attributes:
        imei: The IMEI that it had.
        unreachable_since: When a round first found that the network does not reach it. None: it is reached, or not
            known.
    """

    imei: str = ""
    unreachable_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkMemory:
    """What is remembered of a link.

    Attributes:
        told: What was last said of its path, with the Things that it was said of. "" for nothing.
        says: What followed from it.
        told_at: When it was said.
        number: How often something was said. It is part of the keys of events.
        things: Each Thing by its identity.
    """

    told: str = ""
    says: str = ""
    told_at: datetime | None = None
    number: int = 0
    things: Mapping[str, ThingMemory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountMemory:
    """What is remembered of an account.

    Attributes:
        began_at, ended_at: The last round. None: there was none.
        answered_at: The last round in which the operator answered. None: there was none.
        failures: How many rounds in a row failed.
        trouble: Why the last one did, as one sentence for operators. "" if it did not.
        trouble_since: When the first of these rounds failed.
        wait_seconds: How long the operator wants to be left alone after the last round.
        stretch: By what the next pause is longer or shorter, so that not all installations ask at one moment.
        rounds: How many rounds there were.
        things: How many Things were asked for in the last round.
        links: Each link by its name.
    """

    began_at: datetime | None = None
    ended_at: datetime | None = None
    answered_at: datetime | None = None
    failures: int = 0
    trouble: str = ""
    trouble_since: datetime | None = None
    wait_seconds: float = 0.0
    stretch: float = 1.0
    rounds: int = 0
    things: int = 0
    links: Mapping[str, LinkMemory] = field(default_factory=dict)


def to_text(memory: AccountMemory) -> str:
    """Return it as JSON."""
    links = {
        name: {
            "told": link.told,
            "says": link.says,
            "told_at": _text(link.told_at),
            "number": link.number,
            "things": {thing: [each.imei, _text(each.unreachable_since)] for thing, each in link.things.items()},
        }
        for name, link in memory.links.items()
    }
    content = {
        "version": VERSION,
        "began_at": _text(memory.began_at),
        "ended_at": _text(memory.ended_at),
        "answered_at": _text(memory.answered_at),
        "failures": memory.failures,
        "trouble": memory.trouble,
        "trouble_since": _text(memory.trouble_since),
        "wait_seconds": memory.wait_seconds,
        "stretch": memory.stretch,
        "rounds": memory.rounds,
        "things": memory.things,
        "links": links,
    }
    return json.dumps(content, separators=(",", ":"))


def from_text(text: str) -> AccountMemory:
    """Read it. What cannot be read is as if nothing were remembered."""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            return AccountMemory()
        return AccountMemory(
            _time(found["began_at"]),
            _time(found["ended_at"]),
            _time(found["answered_at"]),
            int(found["failures"]),
            str(found["trouble"]),
            _time(found["trouble_since"]),
            _within(found["wait_seconds"], 0.0, MOST_WAIT_SECONDS),
            _within(found["stretch"], *STRETCHES),
            int(found["rounds"]),
            int(found["things"]),
            {str(name): _link(link) for name, link in found["links"].items()},
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        return AccountMemory()


def without_links(memory: AccountMemory) -> AccountMemory:
    """Return only what is shown to people: how the account's rounds went."""
    return replace(memory, links={})


def say_again(link: LinkMemory) -> LinkMemory:
    """Let the next round say what it finds, whatever was said. What the store may believe stays known."""
    return replace(link, told="", told_at=None)


def _link(found: Any) -> LinkMemory:
    things = {str(name): ThingMemory(str(imei), _time(since)) for name, (imei, since) in found["things"].items()}
    return LinkMemory(str(found["told"]), str(found["says"]), _time(found["told_at"]), int(found["number"]), things)


def _within(found: Any, least: float, most: float) -> float:
    """A number, or the nearest one that makes sense. So a line that was damaged stops no poll."""
    value = float(found)
    if math.isnan(value):
        raise ValueError("not a number")
    return min(max(value, least), most)


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _time(text: Any) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
