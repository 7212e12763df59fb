"""The README: its first screen, and that what it shows is what a page shows whose commands are run."""

import re
from collections.abc import Iterator

from tests.support.checkout import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
_FIRST_SCREEN = 25  # lines
_VARIABLE = re.compile(r"[0-9a-f]{32}|\d{4}-\d\d-\d\d|\b127\.0\.0\.1(:\d+)?|\blocks\.example\.org|chain of \d+")


def shown(page: str, command: str) -> Iterator[str]:
    """What a page shows below a command, without what differs from one host and one day to the next."""
    below = re.search(rf"^\$ \S*{re.escape(command)}.*\n((?:(?!```|\$ ).*\n)+)", page, re.MULTILINE)
    assert below is not None, command
    yield from (_VARIABLE.sub("X", line) for line in below[1].splitlines())


def test_the_first_screen_has_the_problem_a_picture_and_one_command() -> None:
    screen = README.split("\n")[:_FIRST_SCREEN]
    problem = " ".join(screen[2:5]).strip()
    assert len(re.findall(r"\.(?:\s|$)", problem)) == 2, "two sentences"
    assert sum(line.startswith("![") for line in screen) == 1
    commands = [line for line in screen if line.startswith(("scripts/", "engage "))]
    assert commands == ["scripts/serve --http-port 8080 --https-port 8443"]


def test_its_virtual_lock_says_what_a_real_run_says() -> None:
    """That page's commands are run by tests/end_to_end/test_task_pages.py."""
    run = list(shown((ROOT / "docs" / "first-door.md").read_text(encoding="utf-8"), "engage lock fetch"))
    own = list(shown(README, "engage lock fetch"))
    assert len(own) >= 6
    assert own == run[: len(own)]


def test_its_first_call_of_the_api_says_what_a_real_one_says() -> None:
    """That page's commands are run, too."""
    call = "curl -sS -H @monitor.header http://localhost:8008/api/v1/sites/main/status"
    run = list(shown((ROOT / "docs" / "api-recipes.md").read_text(encoding="utf-8"), call))
    own = list(shown(README, call))
    assert own == run
    assert len(own) == 1
    token = re.search(r"engage token add monitor .*", README)
    assert token is not None
    assert token[0] in (ROOT / "docs" / "api-recipes.md").read_text(encoding="utf-8")


def test_another_word_is_a_difference() -> None:
    page = "$ engage x\nhash  ok  127.0.0.1:8080 since 2026-01-01\n```\n"
    assert list(shown(page, "engage x")) == list(shown(page.replace("127.0.0.1:8080", "locks.example.org"), "engage x"))
    assert list(shown(page, "engage x")) != list(shown(page.replace("ok", "bad"), "engage x"))
