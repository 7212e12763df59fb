"""What ends when: the certificates of a site on one line of time, with the last safe days marked."""

from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from engage_server.web.console.pictures.drawing import Drawing, Picture, Row

_WIDTH, _ROW, _TOP, _BOTTOM = 640, 30, 10, 34
_LEFT, _LENGTH = 150.0, 480.0
_DAY = 86400
_TICKS = ((30, "30 days"), (365, "1 year"), (1826, "5 years"), (3652, "10 years"), (7305, "20 years"))
_SHORTEST = 365  # days that the line shows at least
_COLUMNS = ("certificate", "days left", "until", "last safe day to start", "days until then")


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one certificate.

    Attributes:
        name: What it is, such as ``server``.
        ends: When; aware.
        last_safe: The last safe time to start its rotation; aware. None: there is none, as for a link.
    """

    name: str
    ends: datetime
    last_safe: datetime | None


@dataclass(frozen=True, slots=True)
class TimeLine:
    """What ends when.

    Attributes:
        now: Where the line begins; aware.
        endings: The certificates.
    """

    now: datetime
    endings: tuple[Ending, ...]

    def days(self, time: datetime) -> int:
        """Whole days until then; negative afterwards."""
        return int((time - self.now).total_seconds() // _DAY)


def picture(values: TimeLine, name: str = "time-line") -> Picture:
    """Draw a bar for each certificate, from today to its end. Years far away are drawn closer together.

    Args:
        values: The ends.
        name: Unique in the page.
    """
    rows_high = _ROW * max(1, len(values.endings))
    drawing = Drawing(name, (_WIDTH, _TOP + rows_high + _BOTTOM), "What ends when", _description(values))
    longest = max([_SHORTEST, *(values.days(each.ends) for each in values.endings)])
    for days, words in _TICKS:
        if days <= longest:
            x = _LEFT + _place(days, longest)
            drawing.line("tick", (x, _TOP), (x, _TOP + rows_high))
            anchor = "end" if days > longest * 0.8 else "middle"
            drawing.text("label", (x, _TOP + rows_high + 18), words, anchor)
    for place, each in enumerate(values.endings):
        _draw(drawing, values, each, _TOP + place * _ROW, longest)
    return drawing.picture(_COLUMNS, rows(values))


def rows(values: TimeLine) -> tuple[Row, ...]:
    """The same figures as rows of a table."""
    return tuple(
        (
            each.name,
            str(values.days(each.ends)),
            f"{each.ends:%Y-%m-%d}",
            f"{each.last_safe:%Y-%m-%d}" if each.last_safe else "",
            str(values.days(each.last_safe)) if each.last_safe else "",
        )
        for each in values.endings
    )


def _draw(drawing: Drawing, values: TimeLine, each: Ending, top: float, longest: int) -> None:
    left = values.days(each.ends)
    drawing.text("label", (_LEFT - 8, top + 20), _shortened(each.name), "end")
    drawing.box(
        f"bar bar-{_urgency(values, each)}", (_LEFT, top + 6), (_place(left, longest), 18), _sentence(values, each)
    )
    if each.last_safe is not None:
        x = _LEFT + _place(values.days(each.last_safe), longest)
        words = f"{each.name}: last safe day {each.last_safe:%Y-%m-%d}"
        drawing.line("last-safe", (x, top + 2), (x, top + 28), words)


def _place(days: int, longest: int) -> float:
    """The square root leaves room for the next months. What lies outside the line is drawn at its ends."""
    return sqrt(min(max(0, days), longest) / longest) * _LENGTH


def _urgency(values: TimeLine, each: Ending) -> str:
    if each.ends <= values.now:
        return "expired"
    return "late" if each.last_safe is not None and each.last_safe <= values.now else "fine"


def _shortened(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def _sentence(values: TimeLine, each: Ending) -> str:
    days = values.days(each.ends)
    return f"{each.name}: {'ended' if days < 0 else 'ends'} {each.ends:%Y-%m-%d}, {days} days left"


def _description(values: TimeLine) -> str:
    if not values.endings:
        return "No certificate is served."
    return ". ".join(_sentence(values, each) for each in values.endings) + "."
