"""Which links a Thing carries, found quickly where there are thousands of both."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from engage_server.links.sim.accounts import SimLink
from engage_server.links.sim.things import Thing


class LinksOfThings:
    """Finds the links that name a Thing: by its identity, its group or one of its tags.

    Args:
        links: All links of one account.
    """

    def __init__(self, links: Iterable[SimLink]) -> None:
        self._by_thing: dict[str, list[SimLink]] = defaultdict(list)
        self._by_group: dict[str, list[SimLink]] = defaultdict(list)
        self._by_tag: dict[str, list[SimLink]] = defaultdict(list)
        for link in links:
            for thing in link.things:
                self._by_thing[thing].append(link)
            if link.group:
                self._by_group[link.group].append(link)
            if link.tag:
                self._by_tag[link.tag].append(link)

    def of(self, thing: Thing) -> Iterator[SimLink]:
        """Return the links of one Thing."""
        yield from self._by_thing.get(thing.thing, ())
        yield from self._by_group.get(thing.group, ())
        for tag in thing.tags:
            yield from self._by_tag.get(tag, ())

    def sites(self, things: Iterable[Thing]) -> list[str]:
        """Return the sites that hang on some of these Things, by name."""
        return sorted({link.site for thing in things for link in self.of(thing)})
