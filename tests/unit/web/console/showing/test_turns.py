"""Marks that turn the direction of text are written as words, wherever a template writes what others wrote."""

from markupsafe import Markup

from engage_server.records import Role
from engage_server.web.console.showing.rendering import without_turns
from tests.support.console import Console

TURNED, WRITTEN = "gate\u202e9", "gate\\u202e9"


def test_a_page_writes_them_as_words(console: Console) -> None:
    page = console.person("ann", Role.VIEWER).page(f"/sites/main/doors?search={TURNED}")
    assert TURNED not in page.answer.text
    assert WRITTEN in page.text


def test_text_without_them_stays_as_it_is() -> None:
    """Also in other scripts, and what is HTML already."""
    for text in ("North entrance", "\u05d3\u05dc\u05ea", "one\ntwo\t", Markup("<b>x</b>")):
        assert without_turns(text) is text
    assert without_turns(3) == 3


def test_html_stays_html() -> None:
    assert without_turns(Markup("<b>\u2066</b>")) == Markup("<b>\\u2066</b>")
    assert isinstance(without_turns(Markup("\u2066")), Markup)
