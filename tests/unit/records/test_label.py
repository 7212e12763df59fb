"""Names and places: how they are read, shown and found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.errors import UsageError
from engage_server.records import DeviceLabel, NamedDevice, door_title, read_label, searched_words, words_of

SERIAL = "0000000000000000A0B1000000000206"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("  North   entrance ", "North entrance"),
        ("Building 3,\r\nground floor\t(west)", "Building 3, ground floor (west)"),
        ("Su\u0308d", "S\u00fcd"),
        ("\u5317\u5165\u53e3", "\u5317\u5165\u53e3"),
        ("\u05d3\u05dc\u05ea", "\u05d3\u05dc\u05ea"),
        ("<script>=cmd|", "<script>=cmd|"),
        ("a\u2028b\u00a0c", "a b c"),
        ("", ""),
    ],
)
def test_a_label_is_one_line(text: str, read: str) -> None:
    assert read_label(text, "name", 80) == read


@pytest.mark.parametrize(
    "bad", ["\x1b[31m", "\x00", "\u202e", "\u200f", "\u2066", "\u200b", "\ufeff", "\ud800", "\uffff", "\ue000"]
)
def test_what_is_not_seen_or_steers_a_terminal_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match=r"^the name has the character U\+[0-9A-F]{4}") as refused:
        read_label(f"North{bad} entrance", "name", 80)
    assert refused.value.code == "label.character"


def test_a_label_is_not_too_long() -> None:
    assert read_label("\u00fc" * 80, "name", 80) == "\u00fc" * 80
    with pytest.raises(UsageError, match="the place has 121 characters, and 120 are the most") as refused:
        read_label("x" * 121, "place", 120)
    assert refused.value.code == "label.too_long"


def test_the_name_comes_first_and_the_number_second() -> None:
    assert door_title(SERIAL, DeviceLabel("North entrance", "Building 3")) == f"North entrance ({SERIAL})"
    assert door_title(SERIAL, DeviceLabel(place="Building 3")) == f"Building 3 ({SERIAL})"
    assert door_title(SERIAL, DeviceLabel()) == NamedDevice(SERIAL).title == SERIAL


def test_what_is_stored_already_is_harmless_on_a_terminal() -> None:
    assert door_title(SERIAL, DeviceLabel("a\x1b[31m\nb\u202e")) == rf"a\x1b[31m\nb\u202e ({SERIAL})"


@pytest.mark.parametrize(
    "search", ["north", "NORTH EN", "Entr", "building", "3, ground", "floor", " eingang  sud", "strasse", "(west"]
)
def test_a_search_begins_at_any_word(search: str) -> None:
    label = DeviceLabel("North entrance / Eingang S\u00fcd", "Building 3, ground floor (west), Stra\u00dfe 5")
    assert any(each.startswith(searched_words(search)) for each in words_of(label))


@pytest.mark.parametrize("search", ["orth", "round", "entrance north", "4"])
def test_a_search_begins_in_no_word(search: str) -> None:
    label = DeviceLabel("North entrance", "Building 3, ground floor")
    assert not any(each.startswith(searched_words(search)) for each in words_of(label))


def test_a_name_of_nothing_but_signs_is_found() -> None:
    assert words_of(DeviceLabel("***")) == {searched_words("***")}
    assert searched_words("  ") == ""


@given(st.text(max_size=80), st.text(max_size=120))
def test_every_label_is_found_by_itself_and_its_words_fit_a_column(name: str, place: str) -> None:
    words = words_of(DeviceLabel(name, place))
    assert all(0 < len(each) <= 120 for each in words)
    for part in (name, place):
        searched = searched_words(part)
        assert not searched or searched in words
