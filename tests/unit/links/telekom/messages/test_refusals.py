"""Each reason has a code, a sentence that the page repeats, and no more."""

import re
from pathlib import Path

from engage_server.links.telekom.messages.refusals import REASONS, refusal
from engage_server.links.telekom.notifications.acknowledgement import EXAMPLE

PAGE = (Path(__file__).parents[5] / "docs" / "telekom.md").read_text()


def test_the_page_has_every_code_with_its_sentence() -> None:
    rows = dict(re.findall(r"^\| `wsse\.(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert rows == {code: sentence for code, (sentence, _) in REASONS.items()}


def test_the_page_has_the_example_of_an_acknowledgement() -> None:
    assert EXAMPLE in PAGE


def test_a_refusal_is_a_no_with_its_code() -> None:
    error = refusal("stale")
    assert (error.code, error.exit_status) == ("wsse.stale", 1)
    assert error.sentence == "the message is refused: it has expired"
    assert error.next_step
