"""What all pictures have in common: shapes that escape what others wrote, and the frame that screen readers need."""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from engage_server.shown_text import without_controls

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, and the table that says the same.

    Attributes:
        svg: The whole ``svg`` element. Safe in a page as it is: whatever others wrote is escaped in it.
        columns: The headings of the table.
        rows: The rows of the table, as plain text. A page has to escape them.
    """

    svg: str
    columns: Row
    rows: tuple[Row, ...]


class Drawing:
    """An SVG that grows. No shape in it sets a colour.

    Args:
        name: Begins the ids in it: unique in the page. Letters, digits and hyphens.
        size: Width and height of the view box.
        title: What it shows, in a few words.
        description: The same in a sentence with the figures that matter, for who does not see it.
    """

    def __init__(self, name: str, size: tuple[int, int], title: str, description: str) -> None:
        self.width, self.height = size
        self._root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "role": "img",
                "class": "picture",
                "viewBox": f"0 0 {self.width} {self.height}",
                "aria-labelledby": f"{name}-title {name}-description",
            },
        )
        self._say("title", title, f"{name}-title")
        self._say("desc", description, f"{name}-description")

    def box(self, classes: str, at: tuple[float, float], size: tuple[float, float], title: str = "") -> None:
        """A rectangle. What it stands for is shown while a pointer rests on it."""
        (x, y), (width, height) = at, size
        shape = SubElement(
            self._root,
            "rect",
            {"class": classes, "x": _number(x), "y": _number(y), "width": _number(width), "height": _number(height)},
        )
        if title:
            SubElement(shape, "title").text = without_controls(title)

    def line(self, classes: str, start: tuple[float, float], end: tuple[float, float], title: str = "") -> None:
        """A line. What it stands for is shown while a pointer rests on it."""
        places = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
        shape = SubElement(
            self._root, "line", {"class": classes} | {name: _number(value) for name, value in places.items()}
        )
        if title:
            SubElement(shape, "title").text = without_controls(title)

    def text(self, classes: str, at: tuple[float, float], words: str, anchor: str = "start") -> None:
        """Words that begin, end or are centred at a place: ``start``, ``end`` or ``middle``."""
        place = {"class": classes, "x": _number(at[0]), "y": _number(at[1]), "text-anchor": anchor}
        SubElement(self._root, "text", place).text = without_controls(words)

    def picture(self, columns: Row, rows: Iterable[Row]) -> Picture:
        """The finished picture."""
        return Picture(tostring(self._root, encoding="unicode"), columns, tuple(rows))

    def _say(self, tag: str, words: str, name: str) -> None:
        SubElement(self._root, tag, {"id": name}).text = without_controls(words)


def _number(value: float) -> str:
    """Short, and the same on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
