"""``links.toml``: hosts, plain listeners and links. What belongs to one partner alone, that partner reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from engage_server.links.registry import conflicts
from engage_server.links.registry.listeners import HostTable, PlainTable
from engage_server.links.registry.table import Between, Matching, Where, did_you_mean, parsed_toml, read_table

Partner = Literal["kpn", "m2u", "telekom", "sim"]
SiteName = Annotated[str, Matching(r"[^\x00-\x1f\x7f]{1,200}", "the name of a site")]

_TABLES = ("hosts", "plain", "links", "telekom", "sim")
_NAME = Matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "letters, digits, '.', '_' and '-', at most 63")
_PAGE = "docs/links.md has an example of the whole file."


@dataclass(frozen=True, slots=True)
class _LinkKeys:
    """What every link has."""

    site: SiteName
    partner: Partner
    expects_every_minutes: Annotated[float, Between(1, 525_600)] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One path to one site.

    Attributes:
        name: The table's.
        site: The site's name. Whether there is such a site, only a process with the store can say.
        partner: Who reports about it.
        expects_every_minutes: How often it is heard of, at least. None: not known.
        rest: The keys that belong to the partner, unread. Read them with :func:`~.table.read_table` at ``where``.
        where: Where it stands.
    """

    name: str
    site: str
    partner: Partner
    expects_every_minutes: float | None
    rest: Mapping[str, object]
    where: Where


@dataclass(frozen=True, slots=True)
class LinksFile:
    """The whole file, read and free of contradictions.

    Attributes:
        where: The file.
        hosts: TLS hosts by the name of their table, in the file's order. The first of a port also serves clients
            that give no name, or another one.
        plain: Plain listeners by name.
        links: Links by name.
        telekom: The table ``[telekom]``, unread: it belongs to that partner.
        sim: The tables ``[sim.NAME]`` by name, unread, each with its place: accounts at operators of SIMs.
    """

    where: Where
    hosts: Mapping[str, HostTable] = field(default_factory=dict)
    plain: Mapping[str, PlainTable] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    telekom: Mapping[str, object] = field(default_factory=dict)
    sim: Mapping[str, tuple[Mapping[str, object], Where]] = field(default_factory=dict)

    def of_partner(self, partner: Partner) -> tuple[Link, ...]:
        """Return the links of one partner."""
        return tuple(link for link in self.links.values() if link.partner == partner)


def read_links_file(file: Path, bind: str, port: int) -> LinksFile:
    """Read ``links.toml``.

    Args:
        file: The setting ``links_file``, absolute.
        bind: The setting ``links_bind``: where a host listens that does not say.
        port: The setting ``links_port``.

    Raises:
        SettingsInvalid: It cannot be read, or something in it is unknown, wrong or contradicts something else.
    """
    where = Where(file)
    tables = parsed_toml(where, "links_file", _PAGE)
    for name in tables:
        if name not in _TABLES:
            raise where.refused(f"there is no table [{name}].{did_you_mean(name, _TABLES)}", f"Remove it. {_PAGE}")
    hosts = {
        name: HostTable.read(name, table, at, bind, port) for name, table, at in _each_table(where, tables, "hosts")
    }
    plain = {name: PlainTable.read(name, table, at) for name, table, at in _each_table(where, tables, "plain")}
    links = {name: _link(name, table, at) for name, table, at in _each_table(where, tables, "links")}
    sim = {name: (table, at) for name, table, at in _each_table(where, tables, "sim")}
    telekom = tables.get("telekom", {})
    if not isinstance(telekom, Mapping):
        raise where.refused("telekom must be a table", f"Write it as [telekom]. {_PAGE}")
    conflicts.assert_names_differ([*hosts.values(), *plain.values()])
    conflicts.assert_addresses_differ(list(hosts.values()), list(plain.values()))
    conflicts.assert_environments_apart(list(hosts.values()))
    conflicts.assert_ends_differ([(link.partner, link.rest, link.where) for link in links.values()])
    return LinksFile(where, hosts, plain, links, telekom, sim)


def _each_table(
    where: Where, tables: Mapping[str, object], kind: str
) -> Sequence[tuple[str, Mapping[str, object], Where]]:
    """Return the named tables of a kind, such as all ``[links.NAME]``."""
    of_kind, at = tables.get(kind, {}), where.below(kind)
    if not isinstance(of_kind, Mapping):
        raise at.refused("it must be a table of tables", f"Write each as [{kind}.NAME]. {_PAGE}")
    found = []
    for name, table in of_kind.items():
        if not isinstance(table, Mapping):
            raise at.refused("it must be a table", f"Write it as [{at.below(name).table}], or remove it. {_PAGE}", name)
        if complaint := _NAME.complaint(name):
            raise at.below(name).refused(f"the name cannot be used: {complaint}", "Rename the table.")
        found.append((name, table, at.below(name)))
    return found


def _link(name: str, table: Mapping[str, object], where: Where) -> Link:
    common = ("site", "partner", "expects_every_minutes")
    keys = read_table(_LinkKeys, {key: value for key, value in table.items() if key in common}, where)
    rest = {key: value for key, value in table.items() if key not in common}
    return Link(name, keys.site, keys.partner, keys.expects_every_minutes, rest, where)
