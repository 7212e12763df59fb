"""The bytes of a chain against what a device holds."""

from dataclasses import dataclass

from engage_server.web.console.pictures.drawing import Drawing, Picture, Row

_SIZE = (640, 104)
_LEFT, _TOP, _LENGTH, _HEIGHT = 10.0, 26.0, 620.0, 30.0
_LETTERS = 7.0  # the room that a letter needs
_LATER = "a later link"
_COLUMNS = ("part", "certificate", "bytes")


@dataclass(frozen=True, slots=True)
class Part:
    """One certificate of a chain.

    Attributes:
        role: ``root``, ``intermediate``, ``server`` or ``link``.
        name: Its common name.
        size: Its bytes as DER.
    """

    role: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ChainBytes:
    """The sizes of a chain.

    Attributes:
        parts: Its certificates, from the root down.
        limit: The most bytes that devices hold.
        link_size: The bytes that a link certificate of a later root would add. None: not known.
    """

    parts: tuple[Part, ...]
    limit: int
    link_size: int | None

    @property
    def total(self) -> int:
        """The bytes of the whole chain."""
        return sum(part.size for part in self.parts)

    @property
    def left(self) -> int:
        """The free bytes; negative if it does not fit."""
        return self.limit - self.total


def picture(values: ChainBytes, name: str = "chain-bytes") -> Picture:
    """Draw the chain as one bar, with a mark where a device's memory ends.

    Args:
        values: The sizes.
        name: Unique in the page.
    """
    link = values.link_size or 0
    whole = max(values.limit, values.total + link, 1)
    drawing = Drawing(name, _SIZE, f"{values.total:,} of {values.limit:,} bytes", _description(values))
    at = _LEFT
    for part in values.parts:
        length = part.size * _LENGTH / whole
        drawing.box(f"part part-{part.role}", (at, _TOP), (length, _HEIGHT), f"{part.role}: {part.size:,} bytes")
        if length > _LETTERS * len(part.role):
            drawing.text("label", (at + length / 2, _TOP + 20), part.role, "middle")
        at += length
    if values.link_size is not None:
        length = link * _LENGTH / whole
        drawing.box("part part-later", (at, _TOP), (length, _HEIGHT), _later(values))
        if length > _LETTERS * len(_LATER):
            drawing.text("label", (at + length / 2, _TOP + 20), _LATER, "middle")
    end = _LEFT + values.limit * _LENGTH / whole
    drawing.line("limit", (end, _TOP - 6), (end, _TOP + _HEIGHT + 6), f"limit: {values.limit:,} bytes")
    drawing.text("label", (end, _TOP - 10), f"a device holds {values.limit:,} bytes", "end")
    drawing.text("label", (_LEFT, _TOP + _HEIGHT + 20), _left(values))
    if values.link_size is not None:
        drawing.text("label", (_LEFT, _TOP + _HEIGHT + 38), _later(values))
    return drawing.picture(_COLUMNS, rows(values))


def rows(values: ChainBytes) -> tuple[Row, ...]:
    """The same figures as rows of a table."""
    certificates = [(part.role, part.name, f"{part.size:,}") for part in values.parts]
    left = ("left", "", f"{values.left:,}") if values.left >= 0 else ("too many", "", f"{-values.left:,}")
    sums = [("sum", "", f"{values.total:,}"), ("limit", "", f"{values.limit:,}"), left]
    later = [] if values.link_size is None else [("link of a later root", "", f"{values.link_size:,}")]
    return (*certificates, *sums, *later)


def _description(values: ChainBytes) -> str:
    parts = ", ".join(f"{part.role} {part.size:,}" for part in values.parts)
    return f"The bytes of each certificate: {parts}. {_left(values)}. {_later(values)}".rstrip()


def _left(values: ChainBytes) -> str:
    if values.left < 0:
        return f"{-values.left:,} bytes too many: a device cannot hold it"
    return f"{values.left:,} bytes are left"


def _later(values: ChainBytes) -> str:
    return "" if values.link_size is None else f"Dashed: a later link takes {values.link_size:,} bytes."
