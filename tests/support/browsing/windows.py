"""Windows that stay open from one page to the next: to open one takes longer than to show a page in it."""

from contextlib import ExitStack
from typing import Any

from tests.support.browser import Witness
from tests.support.browsing.furnished import Running
from tests.support.browsing.looks import PLAIN, Look, looking
from tests.support.browsing.places import Place


class Windows:
    """One for each look of each person, opened when it is first asked for.

    Args:
        browser: Playwright's.
        running: The console, and who may look at it.
        undone: Closes them.
    """

    def __init__(self, browser: Any, running: Running, undone: ExitStack) -> None:
        self._browser, self._running, self._undone = browser, running, undone
        self._open: dict[tuple[Look, bool, bool], tuple[Any, Witness]] = {}

    def to(self, place: Place, look: Look = PLAIN) -> tuple[Any, Witness]:
        """A window of who sees this page, in that look, and a witness who has forgotten all pages before."""
        whose = (look, place.is_public, place.by_newcomer)
        if whose not in self._open:
            signed_in_as = self._running.seen_by(place)
            self._open[whose] = self._undone.enter_context(looking(self._browser, look, storage_state=signed_in_as))
        page, witness = self._open[whose]
        page.goto("about:blank")  # or what the last page still asks for, or logs, would count for this one
        page.set_viewport_size(look.options()["viewport"])
        witness.forget()
        return page, witness
