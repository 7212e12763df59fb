"""The navigation is read off the pages that list others, so that it stands once, as plain Markdown.

A list entry of ``docs/index.md`` or ``docs/decisions/README.md`` that begins with a link to a page is an entry of the
navigation; the heading above it is the group. Sphinx then reports a page that stands in no list, and a list that names
a page that is not there.
"""

import re
from typing import Any

LISTS = ("docs/index", "docs/decisions/README")
_HEADING = re.compile(r"## (.+)")
_ENTRY = re.compile(r"(?:\*|-|\d+\.) \[([^]]+)\]\((?!\w+:)([^)#]+)\.md\)")


def groups(page: str) -> dict[str, list[tuple[str, str]]]:
    """Title and path of each listed page, by the heading above it; "" stands for what comes before any heading."""
    found: dict[str, list[tuple[str, str]]] = {"": []}
    heading = ""
    for line in page.splitlines():
        if match := _HEADING.match(line):
            heading = match[1].strip()
        elif match := _ENTRY.match(line):
            found.setdefault(heading, []).append((match[1], match[2]))
    return {name: entries for name, entries in found.items() if entries}


def toctrees(page: str) -> str:
    """What Sphinx calls a navigation, hidden: the page itself shows the list."""
    written = []
    for heading, entries in groups(page).items():
        caption = [f":caption: {heading}"] if heading else []
        listed = [f"{title} <{path}>" for title, path in entries]
        written.append("\n".join(["", "```{toctree}", ":hidden:", *caption, "", *listed, "```", ""]))
    return "".join(written)


def _add_navigation(app: object, name: str, source: list[str]) -> None:
    """Sphinx's event for a page that was read: ``source`` holds its text, and is changed in place."""
    if name in LISTS:
        source[0] += toctrees(source[0])


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls when it loads this extension."""
    app.connect("source-read", _add_navigation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
