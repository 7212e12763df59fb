"""Every page works with no network but its own host: nothing that a browser loads by itself comes from elsewhere.

Links that somebody clicks may lead anywhere. Sphinx reports what is found as a warning, and ``scripts/docs`` fails.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_ELSEWHERE = re.compile(r"\s*(?:\w+:)?//", re.IGNORECASE)
_IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?([^\"')\s;]+)")
_LOADING = {"src", "srcset", "data", "poster", "background"}
_ON_CLICK = {"a", "area"}
_RELATIONS_THAT_LOAD_NOTHING = {"author", "canonical", "help", "index", "license", "next", "prev", "search"}


class _Loads(HTMLParser):
    """Gathers the addresses that a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self._is_style = tag == "style"
        self.found += [named[name] for name in sorted(_LOADING & set(named))]
        self.found += _IN_CSS.findall(named.get("style", ""))
        href = named.get("href", named.get("xlink:href", ""))
        if tag not in _ON_CLICK and not set(named.get("rel", "").split()) & _RELATIONS_THAT_LOAD_NOTHING:
            self.found.append(href)

    def handle_data(self, data: str) -> None:
        if self._is_style:
            self.found += _IN_CSS.findall(data)


def addresses(name: str, content: str) -> list[str]:
    """What a file makes a browser load; ``name`` says whether it is HTML, SVG or CSS."""
    if name.endswith(".css"):
        return _IN_CSS.findall(content)
    page = _Loads()
    page.feed(content)
    return page.found


def from_elsewhere(folder: Path) -> Iterator[str]:
    """Each file of a built site that loads something from another host, with the address."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".html", ".css", ".svg"}:
            for address in addresses(path.name, path.read_text(encoding="utf-8")):
                if _ELSEWHERE.match(address) and not address.strip().startswith("data:"):
                    yield f"{path.relative_to(folder)} loads {address.strip()} from elsewhere"


def _report(app: Any, error: Exception | None) -> None:
    from sphinx.util import logging  # not where the tests import this module

    if error is None:
        for sentence in from_elsewhere(Path(app.outdir)):
            logging.getLogger(__name__).warning(sentence)


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls when it loads this extension."""
    app.connect("build-finished", _report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
