"""The words of a link in the order of time, each in its place, in whatever order they came. Pure.

Words that say the same and come within about an hour become one mark, once they are old enough. A word that comes late
may fall between them. It then splits the mark, and the time of what follows is right to the hour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise

from engage_server.records import LINK_REGISTERED, LINK_REMOVED, PathEvent, PathMark, PathSays

GRAIN = timedelta(hours=1)
MOST_MARKS = 240
_EXACT = 32  # of the newest marks, none is joined with another one
_OF_SITES = (LINK_REGISTERED, LINK_REMOVED)
LED_TO = "led_to"  # the kind of a mark that only says where the link led when its first event came


def marks_with(marks: Sequence[PathMark], event: PathEvent) -> tuple[PathMark, ...]:
    """Return the marks with one more event in its place."""
    mark = _mark_of(event)
    found = list(marks or _first(event))
    if mark is not None and not any(_holds(each, mark) for each in found):
        found = [part for each in found for part in _split(each, mark)]
        found.append(mark)
    return _thinned(sorted(found, key=_place))


def is_repetition(marks: Sequence[PathMark], event: PathEvent) -> bool:
    """Whether an event says the same trouble of the same things as the newest word, on the same day (UTC)."""
    words = [each for each in marks if each.kind not in (*_OF_SITES, LED_TO)]
    mark, last = _mark_of(event), words[-1] if words else None
    if mark is None or last is None or event.says not in (PathSays.CUT, PathSays.DEGRADED):
        return False
    is_same = (mark.says, mark.kind, mark.of) == (last.says, last.kind, last.of)
    return is_same and last.until <= mark.at and last.until.date() == mark.at.date()


def _mark_of(event: PathEvent) -> PathMark | None:
    """The event as a mark. None: it says nothing."""
    if event.kind in _OF_SITES:
        site = event.site if event.kind == LINK_REGISTERED else ""
        return PathMark(event.at, event.at, event.kind, PathSays.NOTHING, site)
    if event.says is PathSays.NOTHING:
        return None
    detail = "\0".join(f"{name}={text}" for name, text in sorted(event.detail.items()))
    of = sha256(detail.encode("utf-8", "surrogatepass")).hexdigest()[:8] if detail else ""
    return PathMark(event.at, event.at, event.kind, event.says, of=of)


def _first(event: PathEvent) -> Sequence[PathMark]:
    if event.kind == LINK_REGISTERED:
        return ()
    return (PathMark(event.at, event.at, LED_TO, PathSays.NOTHING, event.site),)


def _place(mark: PathMark) -> tuple[float, int]:
    """Sorts marks. Of one moment, trouble comes after its end, then a removal, then a registration."""
    if mark.kind in _OF_SITES:
        rank = 3 if mark.kind == LINK_REMOVED else 4
    else:
        rank = {PathSays.NOTHING: 0, PathSays.WORKS: 1, PathSays.RESTORED: 1, PathSays.DEGRADED: 2}.get(mark.says, 2)
    return mark.at.timestamp(), rank


def _holds(known: PathMark, mark: PathMark) -> bool:
    return _are_one(known, mark) and known.at <= mark.at <= known.until and known.of == mark.of


def _are_one(first: PathMark, second: PathMark) -> bool:
    return (first.says, first.kind, first.site) == (second.says, second.kind, second.site)


def _split(known: PathMark, mark: PathMark) -> Iterator[PathMark]:
    """A mark, or its parts before and after another one that falls into it."""
    if known.at == known.until or not known.at <= mark.at <= known.until:
        yield known
        return
    yield replace(known, until=max(known.at, mark.at - GRAIN))
    yield replace(known, at=min(known.until, mark.at + GRAIN))


def _thinned(marks: list[PathMark]) -> tuple[PathMark, ...]:
    needed = [mark for mark, is_needed in zip(marks, _needed(marks), strict=True) if is_needed]
    kept: list[PathMark] = []
    for mark in needed[:-_EXACT]:
        last = kept[-1] if kept else None
        if last is not None and _are_one(last, mark) and mark.at - last.until <= GRAIN:
            kept[-1] = replace(last, until=max(last.until, mark.until), of=mark.of)
        else:
            kept.append(mark)
    kept += needed[-_EXACT:]
    while len(kept) > MOST_MARKS:
        _shorten(kept)
    return tuple(kept)


def _needed(marks: Sequence[PathMark]) -> list[bool]:
    """Which marks say something. A registration between two of the same site says nothing new."""
    places = [number for number, mark in enumerate(marks) if mark.kind in (*_OF_SITES, LED_TO)]
    needless = {
        number
        for (before, number), (_, after) in pairwise(pairwise(places))
        if _are_one(marks[before], marks[number]) and _are_one(marks[number], marks[after])
    }
    return [number not in needless for number in range(len(marks))]


def _shorten(marks: list[PathMark]) -> None:
    """Leave out the oldest word, but not where the link led, and not since when the oldest state lasts."""
    first = 1 if marks[0].kind in (*_OF_SITES, LED_TO) and marks[1].kind not in (*_OF_SITES, LED_TO) else 0
    oldest, following = marks[first], marks[first + 1]
    if _are_one(oldest, following) and oldest.says is not PathSays.NOTHING:
        marks[first] = replace(oldest, until=following.until, of=following.of)
        del marks[first + 1]
    else:
        del marks[first]
