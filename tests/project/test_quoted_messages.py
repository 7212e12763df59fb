"""What pages quote of logs and messages is what the program says."""

import re

import pytest

from tests.support.checkout import ROOT
from tests.support.messages import messages

_PAGES = ("operations.md",)
_ROW = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)


def quotes(markdown: str) -> list[str]:
    """What stands in double quotes in the first cell of a table's row, outside of code."""
    return [quote for row in _ROW.findall(markdown) for quote in re.findall(r'"([^"]+)"', re.sub("`[^`]*`", "", row))]


def is_said(quote: str) -> bool:
    """Whether some message has these words; "..." stands for anything."""
    pattern = re.escape(quote).replace(re.escape("..."), ".*")
    return re.search(pattern, "\n".join(messages())) is not None


@pytest.mark.parametrize("page", _PAGES)
def test_pages_quote_what_is_said(page: str) -> None:
    found = quotes((ROOT / "docs" / page).read_text(encoding="utf-8"))
    assert len(found) > 10, "the page has a table of what one sees"
    assert [quote for quote in found if not is_said(quote)] == []


def test_what_nobody_says_is_found() -> None:
    assert quotes('| a "b c" here | "d" |\n| `"e"` and "f ..." | g |\n') == ["b c", "f ..."]
    assert not is_said("these words are in no message")
    assert is_said("stays at release N, the last good one")
