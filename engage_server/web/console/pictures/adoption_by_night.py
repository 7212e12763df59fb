"""How many doors came through with a release, night by night, with the limits of the gate of an open rotation."""

from engage_server.services.rotation.adoption_nights import AdoptionByNight, Night
from engage_server.web.console.pictures.drawing import Drawing, Picture, Row

_SIZE = (640, 254)
_LEFT, _TOP, _LENGTH, _HEIGHT = 50.0, 20.0, 580.0, 160.0
_KEY_ROW = 18.0  # of the words for a line
_CLOSE = 6.0  # lines that lie closer together share the length: each has its half
_GAP = 0.2  # of a night's room
_MOST_LABELS = 8
_COLUMNS = ("night", "came through", "of", "missing")


def picture(values: AdoptionByNight, name: str = "adoption") -> Picture:
    """Draw a bar for each night, and a line for each limit while a gate judges by it.

    Args:
        values: The figures.
        name: Unique in the page.
    """
    whole = max(values.devices, *(night.confirmed for night in values.shown), 1)
    drawing = Drawing(name, _SIZE, f"Release {values.release} by night", _description(values))
    room = _LENGTH / max(1, len(values.shown))
    every = -(-len(values.shown) // _MOST_LABELS) or 1
    for place, night in enumerate(values.shown):
        height = night.confirmed * _HEIGHT / whole
        at = _LEFT + place * room + room * _GAP / 2, _TOP + _HEIGHT - height
        drawing.box("bar bar-confirmed", at, (room * (1 - _GAP), height), _sentence(values, night))
        if place % every == 0:
            drawing.text("label", (_LEFT + (place + 0.5) * room, _TOP + _HEIGHT + 18), f"{night.date:%m-%d}", "middle")
    drawing.text("label", (_LEFT - 6, _TOP + 5), f"{whole}", "end")
    drawing.text("label", (_LEFT - 6, _TOP + _HEIGHT + 5), "0", "end")
    limits = _limits(values)
    are_close = len(limits) == 2 and abs(limits[0][1] - limits[1][1]) * _HEIGHT / whole < _CLOSE
    for place, (kind, doors, words) in enumerate(limits):
        y = _TOP + _HEIGHT - doors * _HEIGHT / whole
        length, half = (_LENGTH / 2, (" (left half)", " (right half)")[place]) if are_close else (_LENGTH, "")
        start = _LEFT + length * place if are_close else _LEFT
        drawing.line(f"limit limit-{kind}", (start, y), (start + length, y), words)
        _explain(drawing, kind, f"{words}{half}".removeprefix("the gate "), place)
    return drawing.picture(_COLUMNS, rows(values))


def _explain(drawing: Drawing, kind: str, words: str, place: int) -> None:
    """Below the nights: what a line means. Lines that lie close together could not be labelled where they are."""
    y = _TOP + _HEIGHT + 44 + place * _KEY_ROW
    drawing.line(f"limit limit-{kind}", (_LEFT, y), (_LEFT + 24, y))
    drawing.text("label", (_LEFT + 30, y + 4), words)


def rows(values: AdoptionByNight) -> tuple[Row, ...]:
    """The same figures as rows of a table."""
    of_nights = [
        (f"{night.date:%Y-%m-%d}", str(night.confirmed), str(values.devices), str(values.devices - night.confirmed))
        for night in values.shown
    ]
    if not values.is_judged:
        return tuple(of_nights)
    goes_on = ("the gate goes on from", str(values.enough), str(values.devices), str(values.missing))
    goes_back = ("the gate goes back when more are lost than", "", str(values.devices), str(values.lost))
    return (*of_nights, goes_on, goes_back)


def _limits(values: AdoptionByNight) -> list[tuple[str, int, str]]:
    if not values.is_judged:
        return []
    found = [("on", values.enough, f"the gate goes on from {values.enough} doors")]
    if values.lost < values.devices:
        kept = values.devices - values.lost
        found.append(("back", kept, f"the gate goes back above {values.lost} lost doors"))
    return found


def _sentence(values: AdoptionByNight, night: Night) -> str:
    return f"{night.date:%Y-%m-%d}: {night.confirmed} of {values.devices} doors"


def _description(values: AdoptionByNight) -> str:
    nights = "No night has passed yet."
    if values.shown:
        nights = f"{len(values.shown)} nights. The last one: {_sentence(values, values.shown[-1])}."
    limits = "; ".join(words for _, _, words in _limits(values))
    return f"{nights} {limits}." if limits else nights
