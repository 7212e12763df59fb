"""One round: asks an account for the Things of its links, each once, and judges each link."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engage_server.errors import EngageError, NotFound
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.carried import carries
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.polling import pace
from engage_server.links.sim.polling.judging import Judged, Seen, judged
from engage_server.links.sim.polling.memory import MOST_WAIT_SECONDS, AccountMemory, LinkMemory, say_again
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.records import PathEvent

# what is wrong with one SIM alone, so that the others are asked all the same
_OF_ONE_SIM = frozenset(("sim.answer", "sim.value", "sim.bad_request"))
_MAX_TROUBLE = 500


class RoundOver(Exception):  # no error: nobody is told of it
    """A round must end at once, and nothing of it counts."""


@dataclass(frozen=True, slots=True)
class PolledLink:
    """A link of an account.

    Attributes:
        link: What the account has of it.
        expects: How often it should be heard of. None: nobody said.
    """

    link: SimLink
    expects: timedelta | None


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to.

    Attributes:
        events: What to report.
        memory: What to remember.
        error: Why some links or all were not answered. None if all were.
    """

    events: tuple[PathEvent, ...]
    memory: AccountMemory
    error: EngageError | None


@dataclass(slots=True)
class _Asked:
    """What the account said in this round, so that no Thing is asked for twice."""

    account: SimAccount
    go_on: Callable[[], None]
    seen: dict[str, Seen] = field(default_factory=dict)

    def of(self, link: SimLink) -> list[Seen]:
        return [self.seen[name] for name in (link.things or self._listed(link))]

    def one(self, name: str) -> None:
        self.go_on()
        if not self.account.offers(Operation.THINGS_READ):
            thing = Thing(name, None)
            self.seen[name] = Seen(name, thing, self.account.reached(thing), has_states=False)
            return
        try:
            self._see(name, self.account.thing(name))
        except NotFound:
            self.seen[name] = Seen(name, None)

    def _listed(self, link: SimLink) -> Iterator[str]:
        for thing in self.account.things(group=link.group, tag=link.tag):
            self.go_on()
            if carries(link, thing):
                if thing.thing not in self.seen:
                    self._see(thing.thing, thing)
                yield thing.thing

    def _see(self, name: str, thing: Thing) -> None:
        is_asked = thing.state is ThingState.ACTIVE and self.account.offers(Operation.THINGS_REACHABILITY)
        reached = self.account.reached(thing) if is_asked else Reached(Reachability.UNKNOWN)
        self.seen[name] = Seen(name, thing, reached)


def ask(
    account: SimAccount,
    links: Sequence[PolledLink],
    before: AccountMemory,
    every: timedelta,
    clock: Callable[[], datetime],
    chance: float,
    go_on: Callable[[], None] = lambda: None,
    *,
    is_first: bool = False,
) -> Round:
    """Ask for all links of an account.

    An operator that does not answer says nothing about a path: then there is no event.

    Args:
        account: The account.
        links: Its links.
        before: What was remembered.
        every: The setting's pause.
        clock: Returns the time, aware.
        chance: From 0 to 1, for the next pause.
        go_on: Called between Things. It raises RoundOver if the round must end.
        is_first: Whether these links were read since the last round. Then everything is said again: a link may have
            been removed and registered again.

    Raises:
        RoundOver: ``go_on`` said so.
    """
    asked, began = _Asked(account, go_on), clock()
    events: list[PathEvent] = []
    was_long_ago = before.ended_at is not None and began - before.ended_at > pace.forgets_after(every)
    is_old = is_first or was_long_ago
    known: dict[str, LinkMemory] = {each.link.link: _known(before, each, is_old=is_old) for each in links}
    error: EngageError | None = None
    answered = 0
    for each in _from_another(links, before.rounds):
        try:
            found = _judged(each, asked, known[each.link.link], every, clock)
        except EngageError as raised:
            error = error or raised
            if raised.code not in _OF_ONE_SIM:
                break
            continue
        answered += 1
        events += found.events
        known[each.link.link] = found.memory
        error = error or _never_had(each.link, found.memory)
    after = replace(
        before,
        began_at=began,
        stretch=pace.stretch_of(chance),
        rounds=before.rounds + 1,
        things=len(asked.seen),
        links=known,
    )
    return Round(tuple(events), _ended(after, error, is_answered=bool(answered) or not links, now=clock()), error)


def _judged(
    each: PolledLink, asked: _Asked, before: LinkMemory, every: timedelta, clock: Callable[[], datetime]
) -> Judged:
    for name in each.link.things:
        if name not in asked.seen:
            asked.one(name)
    return judged(each.link, before, asked.of(each.link), clock(), pace.repeat_after(each.expects, every))


def _never_had(link: SimLink, memory: LinkMemory) -> EngageError | None:
    """What is wrong with a link that names SIMs which the account never had."""
    missing = [name for name in link.things if name not in memory.things]
    if not missing:
        return None
    return NotFound(
        f"account {link.account} has no SIM {missing[0]}, so link {link.link} says nothing of it",
        f"Correct things in [links.{link.link}], or base_url of the account.",
        code="sim.not_found",
    )


def _known(before: AccountMemory, each: PolledLink, *, is_old: bool) -> LinkMemory:
    """What is remembered of a link. After a long time without rounds, or for new links, all is said again."""
    memory = before.links.get(each.link.link, LinkMemory())
    return say_again(memory) if is_old else memory


def _from_another(links: Sequence[PolledLink], rounds: int) -> Sequence[PolledLink]:
    """Begin with another link in each round: what ends a round at one link does not always shut out the same ones."""
    first = rounds % len(links) if links else 0
    return [*links[first:], *links[:first]]


def _ended(memory: AccountMemory, error: EngageError | None, *, is_answered: bool, now: datetime) -> AccountMemory:
    """How the account stands after the round."""
    wait = getattr(error, "retry_seconds", None) if error is not None else None
    return replace(
        memory,
        ended_at=now,
        answered_at=now if is_answered else memory.answered_at,
        failures=0 if is_answered else memory.failures + 1,
        trouble=error.sentence[:_MAX_TROUBLE] if error is not None else "",
        trouble_since=(memory.trouble_since or now) if error is not None else None,
        wait_seconds=min(float(wait or 0), MOST_WAIT_SECONDS),
    )


def of_account(links: Sequence[SimLink], expects: Mapping[str, timedelta | None], account: str) -> list[PolledLink]:
    """Return the links of one account.

    Args:
        links: All links whose path is a SIM.
        expects: How often each link should be heard of, by its name.
        account: The account's name.
    """
    return [PolledLink(each, expects.get(each.link)) for each in links if each.account == account]
