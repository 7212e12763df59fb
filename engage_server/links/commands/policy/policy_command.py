"""``engage link policy``."""

import json
from pathlib import Path
from typing import Any

import click

from engage_server.cli.output import print_json
from engage_server.cli.parameters import FilePath, NetworkType, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import FileNotUsable, UsageError
from engage_server.files import read_file
from engage_server.links.commands.policy.policy_output import (
    differences_json,
    print_differences,
    print_policy,
)
from engage_server.links.commands.sim.entries import read_one
from engage_server.links.policy.asking import RECENT_DOORS, asked_of
from engage_server.links.policy.comparison import differences
from engage_server.links.policy.needs import Policy, policy_of
from engage_server.links.policy.nftables import Doors, nftables_text
from engage_server.links.policy.resolving import addresses_of
from engage_server.links.policy.rules import RuleSet
from engage_server.links.policy.rules_json import policy_json, read_rules
from engage_server.links.registry.links_file import read_links_file
from engage_server.links.sim.operations import Operation
from engage_server.records import IPNetwork
from engage_server.services.access.permissions import Act, assert_may

_MAX_RULES_BYTES = 4 * 1024 * 1024
_EXAMPLE = """\b
Examples:
  engage link policy --site depot
  engage link policy --site depot --format nftables --door-interface br-doors
  engage link policy --site depot --format json --resolve
  engage link policy --site depot --against profile.json
  engage link policy --site depot --profile fw-1 --account jpu

Exit status: with --against or --profile, 1 when there is a difference.
"""


class _ResolverType(NetworkType):
    """The address of a DNS server, or a network that has several."""

    name = "address"

    def convert(self, value: str | IPNetwork, param: click.Parameter | None, ctx: click.Context | None) -> IPNetwork:
        """Parse, or fail with a usage error."""
        try:
            return super().convert(value, param, ctx)
        except click.UsageError:
            self.fail(f"'{value}' is not the address of a DNS server. Give one such as 10.44.0.1.", param, ctx)


@click.command(cls=AskingCommand, acts=[Act.SITE_SEE], epilog=_EXAMPLE)
@site_option
@click.option("--json", "form", flag_value="json", help="As --format json.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "nftables"]),
    default="table",
    show_default=True,
    help="Format of the rules.",
)
@click.option("--resolve", is_flag=True, help="Look up the addresses of hosts that are names, and print those.")
@click.option(
    "--resolver",
    "resolvers",
    type=_ResolverType(),
    multiple=True,
    metavar="ADDRESS",
    help="A DNS server that doors ask. Repeat it for each. [default: any]",
)
@click.option("--door-interface", default="", metavar="NAME", help="For nftables: the interface to the doors.")
@click.option(
    "--door-network",
    "door_networks",
    type=NetworkType(),
    multiple=True,
    metavar="CIDR",
    help="For nftables: a network of the doors. Repeat it for each.",
)
@click.option(
    "--against",
    type=FilePath,
    metavar="FILE",
    shell_complete=completions.files,
    help="Compare with the rules in this file, in the form of --format json.",
)
@click.option("--profile", metavar="ID", help="Compare with this IP Profile. It is read from the account's operator.")
@click.option("--account", metavar="NAME", help="The account of --profile: a table [sim.NAME] of links.toml.")
@click.pass_obj
def policy(session: Session, /, site: str | None, resolve: bool, form: str, **options: Any) -> int:
    """Print what a site needs through its firewall.

    Doors call the plain and the TLS port of each host of the site, and nothing else. Nobody calls a door. The rules
    come from the settings and the site. Everything else is to be dropped.
    """
    have = _compared(session, options)
    needed = _needed(session, site, options["resolvers"], resolve=resolve)
    if have is not None:
        return _compare(needed, have, form, resolve=resolve)
    if form == "nftables":
        doors = Doors(options["door_interface"], options["door_networks"])
        click.echo(nftables_text(needed, doors, _again(needed, resolve=resolve, **options)), nl=False)
    elif form == "json":
        print_json(policy_json(needed))
    else:
        print_policy(needed)
    return 0


def _compared(session: Session, options: dict[str, Any]) -> RuleSet | None:
    """The rules to compare with, if any were named."""
    path: Path | None = options["against"]
    profile, account = options["profile"], options["account"]
    if path is not None and profile is not None:
        raise UsageError("--against and --profile are two things to compare with", "Give one of the two.")
    if account is not None and profile is None:
        raise UsageError("--account says whose IP Profile is meant, and there is no --profile", "Add --profile ID.")
    if profile is not None and account is None:
        raise UsageError("--profile needs --account: an operator's account has the IP Profile", _accounts(session))
    if path is not None:
        return _rules_in(path)
    return None if profile is None else _rules_at(session, account, profile)


def _rules_at(session: Session, account: str, profile: str) -> RuleSet:
    from engage_server.links.sim.accounts import open_account  # a policy needs no links.toml

    assert_may(session.acting(), Act.LINK_CALL)
    settings = session.settings()
    file = read_links_file(settings.links_file, settings.links_bind, settings.links_port)
    source = f"IP Profile {profile} of account {account}"
    opened = open_account(file, account)
    found = read_one(opened, Operation.PROFILES_READ, {"profile": profile}, Operation.PROFILES_LIST)
    if len(found) != 1:
        raise UsageError(f"{source}: there are {len(found)} of that name", "List them: engage sim list --what profiles")
    return read_rules(found[0], source)


def _accounts(session: Session) -> str:
    """What to do where no account was named."""
    settings = session.settings()
    if not settings.links_file.exists():
        return "Add --account NAME: a table [sim.NAME] of links.toml. There is no such file yet."
    names = read_links_file(settings.links_file, settings.links_bind, settings.links_port).sim
    return f"Add --account NAME. {settings.links_file.name} has {', '.join(names) or 'no account'}."


def _rules_in(path: Path) -> RuleSet:
    try:
        found = json.loads(read_file(path, limit=_MAX_RULES_BYTES))
    except (ValueError, RecursionError) as error:
        raise FileNotUsable(f"{path} is no JSON: {error}", "docs/firewall.md shows the form.") from None
    return read_rules(found, str(path))


def _needed(session: Session, site_name: str | None, resolvers: tuple[IPNetwork, ...], *, resolve: bool) -> Policy:
    side = session.operator_side()
    site = side.sites.get(site_name)
    names = [host.text for host in site.hosts if not host.is_address and not host.is_this_machine]
    addresses = addresses_of(names) if resolve else {}
    calls = side.last_calls(site.name, RECENT_DOORS)
    return policy_of(asked_of(site, session.settings(), calls, resolvers, addresses))


def _compare(needed: Policy, have: RuleSet, form: str, *, resolve: bool) -> int:
    if form == "nftables":
        raise UsageError("a comparison has no form for nftables", "Say --format table or --format json.")
    if resolve:
        have = have.resolved(addresses_of(have.names))
    found = differences(needed, have)
    if form == "json":
        print_json(differences_json(needed, found))
    else:
        print_differences(needed, found)
    return int(bool(found))


def _again(needed: Policy, *, resolve: bool, **options: Any) -> str:
    """The command that prints the same rules again."""
    words = [program(), "link", "policy", "--site", needed.site, "--format", "nftables"]
    words += ["--resolve"] * resolve
    for resolver in options["resolvers"]:
        words += ["--resolver", str(resolver)]
    words += ["--door-interface", options["door_interface"]] * bool(options["door_interface"])
    for network in options["door_networks"]:
        words += ["--door-network", str(network)]
    return " ".join(words)
