"""Reports at once what states of SIMs say of the paths to sites. Nobody has to wait for the next poll."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from engage_server.errors import EngageError
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.carried import path_event, things_of
from engage_server.links.sim.plans.concerned import LinksOfThings
from engage_server.links.sim.plans.news import is_news, may_be_news
from engage_server.links.sim.things import Thing, ThingState
from engage_server.records import LinkStanding, PathEvent, PathSays

ACTIVE_AGAIN: Final = "sim_active"
Record = Callable[[Sequence[PathEvent]], None]


class PathReports:
    """Collects what changed, and reports the links that it concerns.

    Args:
        links: All links of one account.
        account: The account.
        record: Stores events.
        known: What is known of the links, by their names. Then only what says more is reported: for SIMs that were
            only read. None: SIMs were changed, and what they say is reported in any case.

    Attributes:
        said: What was last said of each link, by its name.
    """

    def __init__(
        self,
        links: Iterable[SimLink],
        account: SimAccount,
        record: Record,
        known: Mapping[str, LinkStanding] | None = None,
    ) -> None:
        self._standings = known
        self._account = account
        self._record = record
        self._known: dict[str, Thing] = {}
        self._due: dict[str, SimLink] = {}
        self._restored: set[str] = set()
        self.said: dict[str, PathSays] = {}
        self._links = LinksOfThings(links)

    def changed(self, things: Iterable[Thing]) -> None:
        """Take what Things are now."""
        for thing in things:
            self._known[thing.thing] = thing
            for link in self._links.of(thing):
                if self._standings is not None and not may_be_news(self._standing(link), thing):
                    continue
                self._due[link.link] = link
                if thing.state is ThingState.ACTIVE:
                    self._restored.add(link.link)

    def report(self, at: datetime) -> Sequence[tuple[SimLink, EngageError]]:
        """Record what the links say that are concerned.

        Args:
            at: Now; aware.

        Returns:
            The links that could not be judged, because their other Things could not be read.

        Raises:
            StoreNotUsable: The events cannot be stored. The next call reports them.
        """
        events: list[PathEvent] = []
        unread: list[tuple[SimLink, EngageError]] = []
        for link in self._due.values():
            try:
                event = path_event(link, self._things_of(link), at)
            except EngageError as error:
                unread.append((link, error))
                continue
            if event is not None:
                events += self._new(link, self._said(link, event))
        if events:
            self._record(events)
            self.said |= {event.link: event.says for event in events}
        self._due.clear()
        self._restored.clear()
        return unread

    def _new(self, link: SimLink, events: Sequence[PathEvent]) -> Sequence[PathEvent]:
        return events if self._standings is None or is_news(self._standing(link), events) else ()

    def _standing(self, link: SimLink) -> LinkStanding:
        return (self._standings or {}).get(link.link, LinkStanding(link.link, link.site))

    def _said(self, link: SimLink, event: PathEvent) -> Sequence[PathEvent]:
        """The event. What is degraded does not end a cut: that must be said before it."""
        if event.says is PathSays.DEGRADED and link.link in self._restored:
            detail = {"then": event.kind}
            return replace(event, kind=ACTIVE_AGAIN, says=PathSays.RESTORED, detail=detail), event
        return (event,)

    def _things_of(self, link: SimLink) -> Sequence[Thing]:
        if link.things:
            return [self._known.get(each) or self._account.thing(each) for each in link.things]
        # a list may be older than an answer: what was changed here is known better
        return [self._known.get(each.thing, each) for each in things_of(link, self._account)]
