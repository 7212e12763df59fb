"""What an error shows of others' text: no control character acts, and no password stands in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_server.errors import EngageError
from engage_server.lock.refusal import DeviceRefusal
from engage_server.shown_text import shown_text, without_user


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://user:hunter2@host/x", "https://***@host/x"),
        ("https://token@host", "https://***@host"),
        ("https://user:hun@ter2@host", "https://***@host"),
        ("https://user:hun/ter2@host", "https://***@host"),
        ("https://user:hun ter2@host", "https://***@host"),
        ("user:hunter2@host:443", "***@host:443"),
        ("https://host/x", "https://host/x"),
        ("certs@main/chain.pem", "certs@main/chain.pem"),
        (r"C:\certs@main\chain.pem", r"C:\certs@main\chain.pem"),
        ("host:443", "host:443"),
    ],
)
def test_an_address_is_shown_without_its_user(written: str, shown: str) -> None:
    assert without_user(written) == shown


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("cert_url 'http://user:hunter2@host/x' leads away", "cert_url 'http://***@host/x' leads away"),
        ("postgresql://engage:hunter2@host/db is away", "postgresql://***@host/db is away"),
        ("postgresql://engage:***@host/db is away", "postgresql://engage:***@host/db is away"),
        ("postgresql://engage@host/db is away", "postgresql://engage@host/db is away"),
        ("https:/user:hunter2@host: no such file", "https:/***@host: no such file"),
        ("write to https://host or to root@host", "write to https://host or to root@host"),
        ("a\nb.pem: no such file", r"a\nb.pem: no such file"),
        ("\x1b[31mred.pem", r"\x1b[31mred.pem"),
        ("odd\udce9.pem", r"odd\udce9.pem"),
        ("Zürich 東京.pem", "Zürich 東京.pem"),
    ],
)
def test_a_sentence_shows_what_others_wrote_but_lets_it_do_nothing(sentence: str, shown: str) -> None:
    assert shown_text(sentence) == shown
    assert EngageError(sentence).sentence == shown == str(EngageError(sentence))
    assert DeviceRefusal(sentence).sentence == shown


@given(st.text())
def test_an_error_is_always_printable_and_is_shown_once(text: str) -> None:
    error = EngageError(text, text)
    assert (error.sentence + error.next_step).isprintable()
    assert shown_text(error.sentence) == error.sentence


def test_rows_of_an_error_stand_on_lines_of_their_own() -> None:
    error = EngageError("refused:", rows=("first\nfinding", "second"))
    assert error.sentence == "refused:\nfirst\\nfinding\nsecond"
