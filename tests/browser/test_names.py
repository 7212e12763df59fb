"""Names that others wrote do nothing: not in a page, and not in a table that a program opens."""

import csv
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.support.browser import needs_browser
from tests.support.browsing.furnished import NAMES, SITE, TITLE, Running
from tests.support.browsing.looks import NARROW, Look, looking, overflow
from tests.support.commands import engage, ok
from tests.support.lengths import spread

TURNED = "gate\u202e9 gnidliub"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

pytestmark = [pytest.mark.long("tests/unit/web/console/pages/test_doors.py, without a browser"), *needs_browser]


@pytest.mark.parametrize(
    "path",
    spread(["/", "/tonight/walk-list", f"/sites/{SITE}/doors?show=at-risk", "/sites/demo-depot"], every=2, all=2),
)
def test_names_are_words_in_a_page(browser: Any, furnished: Running, path: str) -> None:
    """Also where no policy stands behind: then a script in a name would run."""
    look = Look("narrow", width=NARROW)
    with looking(browser, look, storage_state=furnished.session, bypass_csp=True) as (page, witness):
        dialogs: list[str] = []

        def dismissed(dialog: Any) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismissed)
        page.goto(furnished.base + path)
        page.wait_for_load_state("networkidle")
        assert dialogs == []
        assert page.locator("main script, main img, main [onmouseover], main [onfocus], main [onerror]").count() == 0
        assert overflow(page) == []
        assert witness.elsewhere == witness.errors == []
        text = page.inner_text("body")
        if path.endswith("depot"):
            assert TITLE in text
        else:
            assert all(name in text for name, _ in NAMES), "the control: the names are there"


def test_names_are_words_in_a_table(browser: Any, furnished: Running) -> None:
    """What a program that opens the table would calculate stands behind an apostrophe."""
    with looking(browser, storage_state=furnished.session) as (page, _):
        served = page.request.get(f"{furnished.base}/sites/{SITE}/doors.csv").text()
    printed = ok(engage(furnished.pair.folder, "device", "export", "--site", SITE))
    for table in (served, printed):
        cells = [cell for row in csv.reader(table.splitlines()) for cell in row]
        assert [cell for cell in cells if cell.startswith(_FORMULA)] == []
        assert [cell for cell in cells if cell.endswith(NAMES[1][0])], "the control: the name is there"


def test_marks_that_turn_the_text_are_refused_and_never_shown(browser: Any, for_acts: Running) -> None:
    """Nor if the database has them, from somewhere else."""
    folder, door = for_acts.pair.folder, str(for_acts.values["door"])
    refused = engage(folder, "device", "name", door, f"--name={TURNED}")
    assert (refused.returncode, "U+202E" in refused.stderr) == (2, True)
    with closing(sqlite3.connect(folder / "data" / "engage.db")) as database:
        changed = database.execute("UPDATE device_labels SET name = ? WHERE identity = ?", (TURNED, door))
        assert changed.rowcount == 1
        database.commit()
    with looking(browser, storage_state=for_acts.session) as (page, _):
        for path in ("/", "/tonight/walk-list", f"/sites/{SITE}/doors", f"/sites/{SITE}/doors/{door}"):
            page.goto(for_acts.base + path)
            assert "\u202e" not in page.content(), path
