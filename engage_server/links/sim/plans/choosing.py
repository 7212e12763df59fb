"""Which Things a command means: those it names, those of a site, or those of a group or tag across groups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engage_server.errors import NotFound, UsageError
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.carried import things_of
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Thing, ThingState


@dataclass(frozen=True, slots=True)
class Choice:
    """What was given on the command line. Exactly one way of choosing is used; group and tag may stand together.

    Attributes:
        things: Identities of Things.
        links: The links of the site that was named.
        group: A Things Group.
        tag: A tag, in whatever group.
    """

    things: tuple[str, ...] = ()
    links: tuple[SimLink, ...] = ()
    group: str = ""
    tag: str = ""

    @property
    def is_one(self) -> bool:
        """Whether one Thing was named, so that there is nothing to look through."""
        return len(self.things) == 1

    def assert_clear(self, how: str) -> None:
        """Check that something was chosen, in one way.

        Args:
            how: Which ways the command has, for the error.

        Raises:
            UsageError: Nothing was, or two ways contradict each other.
        """
        ways = [bool(self.things), bool(self.links), bool(self.group or self.tag)]
        if ways.count(True) != 1:
            what = "SIMs are chosen in two ways" if any(ways) else "no SIM is chosen"
            raise UsageError(what, f"Choose in one way: {how}. List the SIMs: engage sim list")

    def read(self, account: SimAccount, state: ThingState | None = None) -> Sequence[Thing]:
        """Read the Things that are meant, each once.

        Args:
            account: Whose they are.
            state: Only those in this state. None: in any.

        Raises:
            NotFound: A Thing that was named does not exist, or there is none (``sim.none_chosen``).
            EngageError: What the account raises.
        """
        found = {each.thing: each for each in self._each(account, state) if state in (None, each.state)}
        if not found:
            raise NotFound(
                f"account {account.name} has no such SIM", "List them: engage sim list", code="sim.none_chosen"
            )
        return list(found.values())

    def _each(self, account: SimAccount, state: ThingState | None) -> Iterable[Thing]:
        reads = account.offers(Operation.THINGS_READ)  # one that only says whether a SIM is reached knows no Things
        for name in dict.fromkeys(self.things):
            yield account.thing(name) if reads else Thing(name, None, phone_number=name)
        for link in self.links:
            yield from things_of(link, account)
        if self.group or self.tag:
            yield from account.things(group=self.group, tag=self.tag, state=state)
