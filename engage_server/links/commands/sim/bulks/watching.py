"""Shows how far a bulk is, and reports the paths that it concerns."""

import sys
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

import click

from engage_server.cli.session import Session
from engage_server.errors import EngageError
from engage_server.links.commands.sim.orders import warn
from engage_server.links.commands.sim.paths.poll_memory import let_polls_know
from engage_server.links.commands.sim.sim_accounts import Chosen
from engage_server.links.sim.plans.journal import BulkHead
from engage_server.links.sim.plans.outcomes import Counts
from engage_server.links.sim.plans.reports import PathReports
from engage_server.links.sim.plans.writes import StateWrite
from engage_server.links.sim.things import Thing
from engage_server.records import PathSays

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # click gives its type no public name

SHOWN_AFTER = 2.0  # seconds: a bar that flashes by helps nobody
_REPORTED_EVERY = 5.0  # seconds: the gate and Tonight need not know sooner


class Watch:
    """Shows how far a bulk is, and reports the paths that it concerns.

    Args:
        session: This run.
        chosen: The account, and its links.
        head: What the bulk is to do.
    """

    def __init__(self, session: Session, chosen: Chosen, head: BulkHead) -> None:
        self._session = session
        self._account = head.account
        self._reports: PathReports | None = None
        if isinstance(head.write, StateWrite):
            record = session.operator_side().path_recording.record
            self._reports = PathReports(chosen.links, chosen.account, record)
        self._begun = self._reported = monotonic()
        self._bar: ProgressBar[None] | None = None
        self._seen = 0
        self._counts = Counts(len(head.things))

    def tell(self, counts: Counts, changed: Sequence[Thing]) -> None:
        """Take what changed since the last time."""
        self._counts = counts
        self._show(counts)
        if self._reports is not None:
            self._reports.changed(changed)
            if monotonic() - self._reported > _REPORTED_EVERY:
                self._report()

    def close(self) -> None:
        """Report what is left to report."""
        if self._bar is not None:
            self._bar.render_finish()
        if self._reports is not None:
            self._report()
            self._let_polls_know(self._reports.said)

    def _let_polls_know(self, said: Mapping[str, PathSays]) -> None:
        try:
            is_known = let_polls_know(self._session.settings(), self._account, said)
        except EngageError as error:
            warn(f"the poll does not know of this: {error.sentence}")
            return
        if not is_known:
            warn("the poll was busy and does not know of this: if it changes back, it may not say so")

    def _report(self) -> None:
        assert self._reports is not None  # noqa: S101  # both callers ask
        self._reported = monotonic()
        try:
            unread = self._reports.report(self._session.now())
        except EngageError as error:
            warn(f"the paths could not be recorded: {error.sentence}")
            return
        for link, why in unread:
            warn(f"the path of link {link.link} is not judged: {why.sentence}")

    def _show(self, counts: Counts) -> None:
        if not is_watched() or monotonic() - self._begun < SHOWN_AFTER:
            return
        if self._bar is None:
            self._bar = click.progressbar(
                length=counts.total,
                label="SIMs",
                file=sys.stderr,
                show_pos=True,
                item_show_func=lambda _: f"{self._counts.failed} refused" if self._counts.failed else "",
            )
        ready = counts.done + counts.failed + counts.unknown
        self._bar.update(ready - self._seen)
        self._seen = ready


def is_watched() -> bool:
    """Whether a person watches."""
    return sys.stderr.isatty()
