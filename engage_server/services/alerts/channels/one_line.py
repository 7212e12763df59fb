"""Text that others wrote, made fit for a header, a variable or a message: no control characters, no second line."""


def one_line(text: str, most: int = 2000) -> str:
    """Return a text on one line. What cannot be printed becomes a space: a line end, a null, a mark that turns text."""
    kept = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(kept.split())[:most]


def plain_lines(text: str) -> list[str]:
    """Return the lines of a text. What cannot be printed becomes a space. Indentation stays."""
    lines = text.replace("\r\n", "\n").split("\n")
    return ["".join(each if each.isprintable() else " " for each in line).rstrip() for line in lines]
