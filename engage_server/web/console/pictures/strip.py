"""The strip of nights of one door: one square for each night, the newest at the right."""

from collections import Counter
from dataclasses import dataclass

from engage_server.services.risk.door_nights import DoorNight, NightMark
from engage_server.web.console.pictures.drawing import Drawing, Picture, Row

_SQUARE, _GAP, _MARGIN = 18, 2, 5
_COLUMNS = ("night", "what happened", "calls")
WORDS = {
    NightMark.CAME: "came through by TLS",
    NightMark.ASKED: "called, but did not finish TLS",
    NightMark.FAILED: "failed TLS",
    NightMark.NOTHING: "no call is known",
}
# not told by colour alone
_SIGNS = {NightMark.CAME: "✓", NightMark.ASKED: "?", NightMark.FAILED: "!", NightMark.NOTHING: "·"}


@dataclass(frozen=True, slots=True)
class Strip:
    """The nights of one door.

    Attributes:
        door: What people call it.
        nights: In their order.
    """

    door: str
    nights: tuple[DoorNight, ...]


def picture(values: Strip, name: str = "strip") -> Picture:
    """Draw the squares.

    Args:
        values: The nights.
        name: Unique in the page.
    """
    step = _SQUARE + _GAP
    size = (2 * _MARGIN + step * max(1, len(values.nights)) - _GAP, 2 * _MARGIN + _SQUARE)
    drawing = Drawing(name, size, f"{len(values.nights)} nights of {values.door}", _description(values))
    for place, night in enumerate(values.nights):
        x = _MARGIN + place * step
        drawing.box(f"night night-{night.mark}", (x, _MARGIN), (_SQUARE, _SQUARE), _sentence(night))
        drawing.text("sign", (x + _SQUARE / 2, _MARGIN + 13), _SIGNS[night.mark], "middle")
    return drawing.picture(_COLUMNS, rows(values))


def rows(values: Strip) -> tuple[Row, ...]:
    """The same as rows of a table."""
    return tuple((f"{night.date:%Y-%m-%d}", WORDS[night.mark], str(night.calls)) for night in values.nights)


def _sentence(night: DoorNight) -> str:
    return f"{night.date:%Y-%m-%d}: {WORDS[night.mark]}"


def _description(values: Strip) -> str:
    counts = Counter(night.mark for night in values.nights)
    told = [f"{counts[mark]} {'night' if counts[mark] == 1 else 'nights'}: {WORDS[mark]}" for mark in NightMark]
    bad = [_sentence(night) for night in values.nights if night.mark is not NightMark.CAME]
    return f"{'; '.join(told)}. {'; '.join(bad)}".rstrip() + "."
