"""The tables ``[sim.NAME]`` of ``links.toml``, and the links whose SIMs they carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from engage_server.errors import NotFound, SettingsInvalid
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.registry.table import Between, Matching, Where, did_you_mean, read_table
from engage_server.links.sim.account import SimAccount

Profile = Literal["emnify", "1nce", "camara-reachability"]
_PROFILES = Path(__file__).parent / "profiles"
_URL = Matching(r"https?://[!-~]{1,1000}", "an address, such as https://api.example.net/v1")
_NAME = Matching(r"[!-~]{1,100}", "the name of a SIM, group or tag, without spaces")


@dataclass(frozen=True, slots=True)
class _AccountKeys:
    contract_file: Path
    base_url: Annotated[str, _URL]
    profile: Profile | None = None
    map_file: Path | None = None
    token_url: Annotated[str, _URL] | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None
    token_file: Path | None = None
    scope: str | None = None
    trust_file: Path | None = None
    timeout_seconds: Annotated[float, Between(1, 300)] = 30.0
    wait_seconds: Annotated[float, Between(0, 3600)] = 60.0
    poll_every_minutes: Annotated[float, Between(1, 1440)] | None = None


@dataclass(frozen=True, slots=True)
class AccountTable:
    """An account at an operator of SIMs, as ``[sim.NAME]`` has it. No file that it names has been read.

    Attributes:
        name: The table's.
        contract_file: The operator's contract: OpenAPI 3 as JSON or YAML.
        map_file: Which operation of the contract does what. A profile's, if the table names a profile.
        base_url: What precedes each path of the contract, without a final slash.
        token_url: Where a token is asked for. "" if the map needs none.
        client_id: The account's name there. "" if the map needs none.
        client_secret_file: What proves it. None if the map needs none.
        token_file: A token that the operator gave for good. None if the map needs none.
        scope: What the token is asked for. "" for nothing.
        trust_file: The CAs to trust, as PEM. None for those that this machine trusts.
        timeout_seconds: The time limit of one call.
        wait_seconds: How long a write that was accepted is waited for.
        poll_every_minutes: How often SIMs of links are looked at. None: never by itself.
        where: Where it stands.
    """

    name: str
    contract_file: Path
    map_file: Path
    base_url: str
    token_url: str
    client_id: str
    client_secret_file: Path | None
    token_file: Path | None
    scope: str
    trust_file: Path | None
    timeout_seconds: float
    wait_seconds: float
    poll_every_minutes: float | None
    where: Where


@dataclass(frozen=True, slots=True)
class _LinkKeys:
    account: str
    things: tuple[Annotated[str, _NAME], ...] = ()
    group: Annotated[str, _NAME] | None = None
    tag: Annotated[str, _NAME] | None = None


@dataclass(frozen=True, slots=True)
class SimLink:
    """A link whose path is one or more SIMs. Exactly one of things, group and tag says which.

    Attributes:
        link: The link's name.
        site: The site's name.
        account: The name of the account that has the SIMs.
        things: The identities of the SIMs; empty if a group or tag says which.
        group: Their Things Group, or "".
        tag: Their tag, or "".
    """

    link: str
    site: str
    account: str
    things: tuple[str, ...]
    group: str
    tag: str


def read_accounts(file: LinksFile) -> Mapping[str, AccountTable]:
    """Read all tables ``[sim.NAME]``, by name.

    Raises:
        SettingsInvalid: A key is unknown, missing or wrong, or contradicts another.
    """
    return {name: read_account(file, name) for name in file.sim}


def read_account(file: LinksFile, name: str) -> AccountTable:
    """Read one table ``[sim.NAME]``.

    Raises:
        NotFound: There is no such table (``sim_account.not_found``).
        SettingsInvalid: A key is unknown, missing or wrong, or contradicts another.
    """
    if name not in file.sim:
        raise NotFound(
            f"there is no account '{name}': {file.where.file} has no table [sim.{name}].{did_you_mean(name, file.sim)}",
            "Add the table, or name another account. docs/sim-contracts.md has an example.",
            code="sim_account.not_found",
        )
    table, where = file.sim[name]
    return _account(name, table, where)


def read_sim_links(file: LinksFile) -> Sequence[SimLink]:
    """Read the keys of all links with ``partner = "sim"``, in the file's order.

    Raises:
        SettingsInvalid: A key is unknown, missing or wrong, or there is no such account.
    """
    return [
        _link(link.name, link.site, read_table(_LinkKeys, link.rest, link.where), link.where, file.sim)
        for link in file.of_partner("sim")
    ]


def open_account(file: LinksFile, name: str) -> SimAccount:
    """Read an account's contract, map and secret. The operator is not called.

    Args:
        file: ``links.toml``, read.
        name: The name of the account: ``[sim.NAME]``.

    Raises:
        NotFound: There is no such table (``sim_account.not_found``).
        SettingsInvalid: Table, contract, map or secret cannot be used.
        NotInstalled: A package of the extra ``sim`` is missing.
    """
    account = read_account(file, name)
    from engage_server.links.sim.client.opening import opened  # JSON Schema and YAML: many commands do without

    return opened(account)


def _account(name: str, table: Mapping[str, object], where: Where) -> AccountTable:
    keys = read_table(_AccountKeys, table, where)
    for key, url in (("base_url", keys.base_url), ("token_url", keys.token_url)):
        if url is not None and (complaint := _address_complaint(url)):
            raise where.refused(*complaint, key)
    return AccountTable(
        name,
        keys.contract_file,
        _map_file(keys, where),
        keys.base_url.rstrip("/"),
        keys.token_url or "",
        keys.client_id or "",
        keys.client_secret_file,
        keys.token_file,
        keys.scope or "",
        keys.trust_file,
        keys.timeout_seconds,
        keys.wait_seconds,
        keys.poll_every_minutes,
        where,
    )


def _map_file(keys: _AccountKeys, where: Where) -> Path:
    if (keys.profile is None) == (keys.map_file is None):
        raise where.refused(
            "it needs either a profile or a map_file, and not both",
            'Write profile = "emnify", or map_file = "map.toml".',
        )
    return keys.map_file or _PROFILES / f"{keys.profile}.toml"


def _address_complaint(url: str) -> tuple[str, str] | None:
    """What is wrong with an address, and the fix. A token may go over plain HTTP to this machine alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address", "Write it such as https://api.example.net/v1."
    if not host or parts.query or parts.fragment:
        return "it has no host, or it has a query", "Write it such as https://api.example.net/v1."
    if "@" in parts.netloc:
        return "it contains a user name", "Leave it out. Secrets stand in files: client_secret_file."
    if parts.scheme == "http" and not _is_loopback(host):
        return "http:// is for this machine alone: a token would go over the network in clear text", "Write https://."
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _link(link: str, site: str, keys: _LinkKeys, where: Where, accounts: Mapping[str, object]) -> SimLink:
    if keys.account not in accounts:
        raise _no_account(keys.account, where, accounts)
    if [bool(keys.things), keys.group is not None, keys.tag is not None].count(True) != 1:
        raise where.refused(
            "exactly one of things, group and tag must say which SIMs carry the site",
            'Write things = ["8931440000000000001"], or a group, or a tag.',
        )
    if len(set(keys.things)) != len(keys.things):
        raise where.refused("a SIM stands there twice", "Remove one.", "things")
    return SimLink(link, site, keys.account, keys.things, keys.group or "", keys.tag or "")


def _no_account(name: str, where: Where, accounts: Mapping[str, object]) -> SettingsInvalid:
    hint = did_you_mean(name, accounts)
    return where.refused(f"there is no table [sim.{name}].{hint}", "Add the table, or correct the name.", "account")
