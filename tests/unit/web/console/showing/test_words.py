"""How a sentence begins on a page."""

import pytest

from engage_server.web.console.showing.words import sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it answers 500", "It answers 500."),
        ("nobody calls, so nothing is lost!", "Nobody calls, so nothing is lost!"),
        ("https://access.example.org answers 500", "https://access.example.org answers 500."),
        ("locks.example.org, its host, is silent", "locks.example.org, its host, is silent."),
        ("bad.csv: 2 lines cannot be used", "bad.csv: 2 lines cannot be used."),
        ("demo-depot: 24 doors would refuse it", "demo-depot: 24 doors would refuse it."),
        (" ", ""),
    ],
)
def test_words_begin_with_a_capital_and_names_stay_as_they_are(text: str, shown: str) -> None:
    assert sentence({}, text) == shown
