"""A small pen for SVG: boxes, words, arrows, in colours for a light and a dark surrounding.

A picture has its own ground. A page that is dark by a switch of its own, and not by the system's setting, then shows a
light picture that can be read, and no black words on black.
"""

from html import escape

Point = tuple[float, float]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"

# a letter's width on the average, for each unit of its size, in DejaVu, the widest of these fonts
_WIDEST, _WIDEST_BOLD, _WIDEST_MONO = 0.54, 0.62, 0.61

# (light, dark) for each kind: the strong colour of words and lines, the ground of boxes
_STRONG = {
    "ink": ("#1f2328", "#e6edf3"),
    "soft": ("#59636e", "#9da7b3"),
    "line": ("#8c959f", "#6e7681"),
    "blue": ("#0757ba", "#79b8ff"),
    "green": ("#116329", "#56d364"),
    "amber": ("#7d4e00", "#e3b341"),
    "red": ("#b91c26", "#ff8e86"),
}
_GROUND = {
    "page": ("#ffffff", "#0d1117"),
    "plain": ("#f3f5f7", "#1c232c"),
    "blue": ("#ddf1ff", "#10294a"),
    "green": ("#d9f7df", "#11331d"),
    "amber": ("#fff4c2", "#3a2c08"),
    "red": ("#ffe6e3", "#451a1c"),
}


def _rules(which: int) -> str:
    rules = [f".t-{name}{{fill:{pair[which]}}}.s-{name}{{stroke:{pair[which]}}}" for name, pair in _STRONG.items()]
    return "".join([*rules, *(f".g-{name}{{fill:{pair[which]}}}" for name, pair in _GROUND.items())])


def colour_pairs() -> dict[str, tuple[tuple[str, str], tuple[str, str]]]:
    """For each name the colour of words and the ground that they may stand on, light and dark: for contrast."""
    on = {name: name for name in _GROUND if name in _STRONG}
    pairs = {f"{name} on {ground}": (_STRONG[name], _GROUND[ground]) for name, ground in on.items()}
    for name in ("ink", "soft"):
        pairs |= {f"{name} on {ground}": (_STRONG[name], _GROUND[ground]) for ground in _GROUND}
    return pairs | {f"{name} on page": (_STRONG[name], _GROUND["page"]) for name in on}


class Picture:
    """One picture.

    Args:
        name: Of its file, without ``.svg``; also keeps its identifiers apart from those of another picture in a page.
        size: Width and height. Stay near 620 wide: on a telephone it is shrunk to 360.
        title: What it is, in a few words.
        description: What it shows, for who cannot see it.
    """

    def __init__(self, name: str, size: tuple[int, int], title: str, description: str) -> None:
        self._name, self._size = name, size
        self._title, self._description = title, description
        self._parts: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, kind: str = "plain", *, edge: str = "") -> None:
        """A box. ``edge`` is ``""`` (the kind's colour), ``dashed`` or ``none``."""
        stroke = kind if kind in _STRONG else "line"
        style = ' stroke-width="0"' if edge == "none" else ' stroke-dasharray="5 4"' if edge == "dashed" else ""
        place = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="6"'
        self._parts.append(f'<rect {place} class="g-{kind} s-{stroke}"{style}/>')

    def words(
        self,
        x: float,
        y: float,
        text: str,
        kind: str = "ink",
        *,
        size: int = 15,
        bold: bool = False,
        mono: bool = False,
        at: str = "start",
    ) -> None:
        """One line of words; ``at`` is ``start``, ``middle`` or ``end``, as SVG has it.

        Raises:
            ValueError: They may run out of the picture, in a wide font.
        """
        width = len(text) * size * (_WIDEST_MONO if mono else _WIDEST_BOLD if bold else _WIDEST)
        begin = x - {"start": 0.0, "middle": width / 2, "end": width}[at]
        if begin < 0 or begin + width > self._size[0]:
            raise ValueError(f"{text!r} does not fit into {self._name}")
        style = f' font-size="{size}"' + (' font-weight="600"' if bold else "") + (' class="m ' if mono else ' class="')
        anchor = "" if at == "start" else f' text-anchor="{at}"'
        self._parts.append(f'<text x="{_n(x)}" y="{_n(y)}"{anchor}{style}t-{kind}">{escape(text, quote=False)}</text>')

    def paragraph(self, x: float, y: float, lines: list[str], kind: str = "ink", *, size: int = 15) -> None:
        """Several lines, one below the other."""
        for number, line in enumerate(lines):
            self.words(x, y + number * size * 1.35, line, kind, size=size)

    def arrow(self, start: Point, end: Point, kind: str = "ink", *, both: bool = False) -> None:
        """A straight arrow; with ``both`` it points both ways."""
        self.line(start, end, kind)
        self._head(start, end, kind)
        if both:
            self._head(end, start, kind)

    def line(self, start: Point, end: Point, kind: str = "line", *, dashed: bool = False) -> None:
        """A straight line."""
        style = ' stroke-dasharray="4 5"' if dashed else ""
        ends = f'x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}"'
        self._parts.append(f'<line {ends} class="s-{kind}"{style}/>')

    def _head(self, start: Point, end: Point, kind: str) -> None:
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = (dx * dx + dy * dy) ** 0.5
        ux, uy = dx / length, dy / length
        wings = [(end[0] - 10 * ux + side * 5 * uy, end[1] - 10 * uy - side * 5 * ux) for side in (1, -1)]
        corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in (end, *wings))
        self._parts.append(f'<polygon points="{corners}" class="t-{kind} s-{kind}"/>')

    def svg(self) -> str:
        """The file."""
        width, height = self._size
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" role="img" aria-labelledby="{self._name}-title {self._name}-text">',
                f'<title id="{self._name}-title">{escape(self._title, quote=False)}</title>',
                f'<desc id="{self._name}-text">{escape(self._description, quote=False)}</desc>',
                f"<style>text{{font-family:{FONT}}}.m{{font-family:{MONO}}}rect,line{{stroke-width:1.5}}",
                f"{_rules(0)}",
                f"@media (prefers-color-scheme:dark){{{_rules(1)}}}</style>",
                f'<rect width="{width}" height="{height}" rx="8" class="g-page" stroke-width="0"/>',
                *self._parts,
                "</svg>",
                "",
            ]
        )


def _n(number: float) -> str:
    """A number as short as it can be."""
    return f"{number:.1f}".removesuffix(".0")
