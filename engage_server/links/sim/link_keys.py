"""What a link of an operator of SIMs has in ``links.toml``: the account, and the SIMs that carry the site."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from engage_server.links.registry.links_file import Link
from engage_server.links.registry.table import Matching, Where, read_table
from engage_server.links.sim.account import SimAccount
from engage_server.links.sim.things import Thing

_WAYS = ("things", "group", "tag")
ThingName = Annotated[str, Matching(r"[^\x00-\x1f\x7f]{1,200}", "the identity of a SIM")]
AccountName = Annotated[str, Matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "the name of a table [sim.NAME]")]


@dataclass(frozen=True, slots=True)
class SimLinkKeys:
    """The keys of a link with ``partner = "sim"``. Exactly one of things, group and tag is there.

    Attributes:
        account: The NAME of ``[sim.NAME]``.
        things: The Things that carry the site.
        group: The Things Group whose Things carry it.
        tag: The tag of the Things that carry it.
    """

    account: AccountName
    things: tuple[ThingName, ...] = ()
    group: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class SimLink:
    """One path to a site over SIMs.

    Attributes:
        name: The table's.
        site: The site's name.
        keys: Its own keys.
        where: Where it stands.
    """

    name: str
    site: str
    keys: SimLinkKeys
    where: Where

    def has(self, thing: Thing) -> bool:
        """Whether a Thing carries this site."""
        if self.keys.group is not None:
            return thing.group == self.keys.group
        return self.keys.tag in thing.tags if self.keys.tag is not None else thing.thing in self.keys.things


def read_sim_link(link: Link) -> SimLink:
    """Read the keys of one link.

    Raises:
        SettingsInvalid: One is unknown, missing or has a wrong value, or the SIMs are named in no way or in several.
    """
    keys = read_table(SimLinkKeys, link.rest, link.where)
    given = [way for way in _WAYS if getattr(keys, way)]
    if len(given) != 1:
        what = f"{' and '.join(given)} are both there" if given else "no SIM is named"
        raise link.where.refused(what, 'Write one of: things = ["ICCID"], group = "...", tag = "..."')
    return SimLink(link.name, link.site, keys, link.where)


def read_sim_links(links: Iterable[Link]) -> tuple[SimLink, ...]:
    """Read the keys of all links of operators of SIMs, and leave the others out.

    Raises:
        SettingsInvalid: See :func:`read_sim_link`.
    """
    return tuple(read_sim_link(link) for link in links if link.partner == "sim")


def things_of(link: SimLink, account: SimAccount) -> list[Thing]:
    """Read the Things that carry a site, in the operator's order.

    Raises:
        NotFound: A Thing that the link names does not exist (``sim.not_found``).
        EngageError: What the account raises.
    """
    if link.keys.things:
        return [account.thing(each) for each in dict.fromkeys(link.keys.things)]
    return list(account.things(group=link.keys.group or "", tag=link.keys.tag or ""))
