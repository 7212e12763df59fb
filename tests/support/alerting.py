"""The services of alerts on a world, and a channel that keeps what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from engage_server.records import OutboxEntry, Recipient, Secret
from engage_server.services.alerts.at_once.log_check import LogCheck
from engage_server.services.alerts.at_once.log_news import LogNews
from engage_server.services.alerts.at_once.watch import Watch
from engage_server.services.alerts.channel import Delivery, Outcome
from engage_server.services.alerts.dispatch import Dispatch
from engage_server.services.alerts.morning.gathering import Gathering
from engage_server.services.alerts.morning.mornings import Mornings
from engage_server.services.backup.nights.standing import backup_standing
from engage_server.services.installation.recent_sites import RecentSites
from engage_server.services.risk.kinds import EVIDENCE_MISSING
from engage_server.services.risk.known import Risk, SiteTonight
from engage_server.services.rotation.adoption_nights import AdoptionNights
from tests.support.briefings import CONSOLE
from tests.support.world import World

SENT = Delivery(Outcome.SENT)


@dataclass
class Kept:
    """A channel. It answers what its test says, and keeps what it was given.

    Attributes:
        answers: What it answers, in this order; then that it was sent.
        got: What it was given, with the name of the recipient.
        in_between: Called after the hand-over.
    """

    answers: list[Delivery] = field(default_factory=list)
    got: list[tuple[str, OutboxEntry]] = field(default_factory=list)
    in_between: Callable[[], None] = lambda: None

    def channel_for(self, recipient: Recipient, secret: Secret | None) -> "_OfOne":
        """This channel, for one recipient."""
        return _OfOne(self, recipient.name)


@dataclass
class _OfOne:
    kept: Kept
    name: str

    def send(self, entry: OutboxEntry, hand_over: Callable[[], bool]) -> Delivery:
        """Keep it."""
        answer = self.kept.answers.pop(0) if self.kept.answers else SENT
        if answer.outcome in (Outcome.SENT, Outcome.UNSURE):
            if not hand_over():
                return Delivery(Outcome.AGAIN, "somebody else sends it")
            self.kept.in_between()
            self.kept.got.append((self.name, entry))
        return answer


class Alerting:
    """The services, on a world.

    Args:
        world: The installation.

    Attributes:
        risks: What is found at each site besides what is there.
    """

    def __init__(self, world: World) -> None:
        self.risks: tuple[Risk, ...] = (Risk(EVIDENCE_MISSING, "a host is silent", "Look at it"),)
        store = world.store
        figures = RecentSites(
            world.overview, AdoptionNights(store), lambda site, now: (), store.generation, lambda: 0.0
        )

        def faults(now: datetime) -> list[str]:
            return backup_standing(store, now, is_nightly=False).faults

        def trouble(now: datetime) -> tuple[list[str], bool]:
            standing = backup_standing(store, now, is_nightly=self.is_nightly)
            return standing.faults, standing.failed is not None

        self.is_nightly = False
        self.kept = Kept()
        self.log: list[str] = []
        self.mornings = Mornings(store, Gathering(store, self.look, figures, faults), CONSOLE)
        self.watch = Watch(store, world.confirmations, trouble, CONSOLE)
        self.news = LogNews(store, CONSOLE)
        self.check = LogCheck(store)
        self.dispatch = Dispatch(store, self.kept.channel_for, "one/1", CONSOLE, self.log.append)

        self._tonight = world.tonight

    def look(self, site: str, now: datetime) -> SiteTonight:
        """Who is at risk at a site."""
        found = self._tonight.look_at(site, now)
        return replace(found, risks=(*found.risks, *self.risks))
