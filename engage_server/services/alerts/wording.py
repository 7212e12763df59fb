"""How alerts write what others chose: names of doors, places, and hosts that strangers called. Pure."""

from html import escape

from engage_server.shown_text import shown_text

_LONGEST = 400


def harmless(text: str, longest: int = _LONGEST) -> str:
    r"""One line in which nothing ends a line, turns the direction of text or is invisible: it is written as ``\u202e``.

    Args:
        text: What anyone wrote.
        longest: The most characters. A longer text ends with three dots.
    """
    shown = shown_text(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def in_html(text: str, longest: int = _LONGEST) -> str:
    """The same as a part of a page, also of a value in quotes."""
    return escape(harmless(text, longest), quote=True)


def counted(count: int, thing: str) -> str:
    """``1 door``, ``2 doors``, ``1,000 doors``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
