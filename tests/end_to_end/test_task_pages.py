"""The pages that say how something is done: their commands are run, and print what stands there.

``scripts/pages`` writes what is really printed back into the pages.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.support.checkout import ROOT
from tests.support.transcripts.playing import (
    Stage,
    beginning_of,
    commands_run,
    difference,
    not_run,
    played,
)
from tests.support.transcripts.running_host import running_host
from tests.support.transcripts.simulated_days import simulated_days
from tests.support.transcripts.telekom_folder import telekom_folder

_DOCS = ROOT / "docs"
_SCREENS = 60  # lines from one heading to the next, or to the end of a page: two screens
# each page, and how many of its blocks cannot be run here; each block says why
_NOT_RUN = {
    "add-a-site.md": 0,
    "api-recipes.md": 2,
    "behind-nat.md": 5,
    "beside-windows.md": 3,
    "change-the-host-name.md": 0,
    "change-the-root.md": 0,
    "disaster.md": 0,
    "door-stays-dark.md": 0,
    "firewall.md": 2,
    "first-door.md": 3,
    "kpn.md": 2,
    "links.md": 2,
    "m2u.md": 1,
    "move-keys-offline.md": 0,
    "renew.md": 0,
    "rotation.md": 3,
    "run-as-a-service.md": 4,
    "telekom.md": 0,
    "upgrading.md": 3,
    "virtual-lock.md": 0,
}
_STAGES: dict[str, Callable[[], AbstractContextManager[Stage]]] = {
    "a folder with the site key": running_host,
    "three doors that call each night": simulated_days,
    "an empty folder, and Telekom": telekom_folder,
}


_AFTER = "the end of "  # another page, which is played first


def _text(name: str) -> str:
    return (_DOCS / name).read_text(encoding="utf-8")


def courses() -> Iterator[list[str]]:
    """Pages that are played one after the other, on one stage."""
    begins = {name: beginning_of(_text(name)) for name in _NOT_RUN}
    next_of = {what.removeprefix(_AFTER): name for name, what in begins.items() if what.startswith(_AFTER)}
    for first in (name for name, what in begins.items() if not what.startswith(_AFTER)):
        course = [first]
        while course[-1] in next_of:
            course.append(next_of[course[-1]])
        yield course


@pytest.mark.parametrize("course", list(courses()), ids=" then ".join)
def test_a_page_shows_what_its_commands_print(course: list[str], pytestconfig: pytest.Config) -> None:
    with _STAGES[beginning_of(_text(course[0]))]() as stage:
        real = {name: played(_text(name), stage) for name in course}
    found = "".join(difference(_text(name), page, stage) for name, page in real.items())
    if pytestconfig.getoption("write_pages"):
        for name, page in real.items() if found else ():  # all of them: dates and hashes go on from page to page
            (_DOCS / name).write_text(page, encoding="utf-8")
    else:
        assert found == "", "pages show other output: scripts/pages writes it"


def test_no_page_is_played_twice_or_never() -> None:
    assert sorted(name for course in courses() for name in course) == sorted(_NOT_RUN)


def test_no_page_with_a_transcript_is_left_out() -> None:
    begun = {path.name for path in _DOCS.glob("*.md") if "<!-- begins with: " in path.read_text(encoding="utf-8")}
    assert begun == set(_NOT_RUN)


@pytest.mark.parametrize("name", _NOT_RUN)
def test_what_is_not_run_is_counted(name: str) -> None:
    page = _text(name)
    assert len(not_run(page)) == _NOT_RUN[name]
    assert commands_run(page)


@pytest.mark.parametrize("name", _NOT_RUN)
def test_a_heading_says_what_to_do_within_two_screens(name: str) -> None:
    sections = [each for each in _text(name).split("\n## ") if "which scripts/fix copies" not in each]  # a whole file
    assert [each.splitlines()[0] for each in sections if len(each.splitlines()) > _SCREENS] == []
