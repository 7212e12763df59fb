"""``scripts/console-pictures``: what the console looks like, of a demonstration that is made for it. Needs Chromium.

The pictures show the day on which they were made, so no test compares them. They are made again when the pages change.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engage_server.demo.filling import fill
from engage_server.demo.sites import CLINIC
from engage_server.demo.size import DOORS, NIGHTS, DemoSize
from engage_server.web.console.path_parameters import filled
from engage_server.web.console.table import PAGES
from tests.support.browser import CHROMIUM, chromium
from tests.support.browsing.furnished import signed_in
from tests.support.checkout import ROOT
from tests.support.running import eventually, running_pair

FOLDER = ROOT / "docs" / "screenshots"
SHOWN = ("tonight", "rotation")  # by their names in the table of pages
_VALUES: dict[str, str | int] = {"site": CLINIC.name}
_VIEWPORT = {"width": 1280, "height": 900}


def addresses() -> dict[str, str]:
    """The pages that are shown, by name, as far as the table has them."""
    return {page.name: filled(page.path, _VALUES) for page in PAGES if page.name in SHOWN}


def draw(folder: Path, size: DemoSize, pages: dict[str, str]) -> None:
    """Make a demonstration, serve it, and write one picture of each page.

    Args:
        folder: Where the pictures go.
        size: Of the demonstration.
        pages: The address of each page, by its name.
    """
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "demo"
        fill(home, size, datetime.now(UTC), lambda sentence: None).side.close()
        with running_pair(home, "--workers", "1") as pair, chromium() as browser:
            base = f"http://localhost:{pair.operators_port}"
            session = signed_in(browser, base, home, "guest", "admin")
            with browser.new_context(storage_state=session, viewport=_VIEWPORT, color_scheme="light") as context:
                page = context.new_page()
                eventually(lambda: _is_quiet(page, base), "the servers have reported that they store evidence")
                for name, address in pages.items():
                    answer = page.goto(base + address, wait_until="networkidle")
                    if not answer.ok:
                        raise SystemExit(f"error: {address} is answered with {answer.status}")
                    page.screenshot(path=str(folder / f"{name}.png"), animations="disabled")


def _is_quiet(page: Any, base: str) -> bool:
    """Whether Tonight no longer says that evidence is missing: that is so until all servers have reported."""
    page.goto(base)
    return "Evidence is missing" not in page.content()


def main() -> int:
    """Draw them into docs/screenshots, and say what there is no page for yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doors", type=int, default=DOORS)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--output", type=Path, default=FOLDER)
    given = parser.parse_args()
    if not CHROMIUM:
        sys.stderr.write("error: chromium is not installed\nnext: apt-get install chromium\n")
        return 3
    pages = addresses()
    draw(given.output, DemoSize(given.doors, given.nights), pages)
    for name in SHOWN:
        made = f"wrote {given.output / name}.png" if name in pages else f"the console has no page '{name}'"
        sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
