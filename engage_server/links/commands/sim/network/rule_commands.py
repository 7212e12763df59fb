"""``engage sim rule``: the rules of an IP Profile."""

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option
from engage_server.cli.parameters import FoundArgument
from engage_server.cli.session import Session
from engage_server.links.commands.sim.network.network_orders import order_in_network, print_list_in, sure_option
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, site_option
from engage_server.links.sim.operations import Operation
from engage_server.services.access.permissions import Act

_EMPTY = (
    "The profile has no rule. By the document, all traffic is allowed then, in and out. What a site needs: "
    "engage link policy --site NAME"
)
profile_argument = click.argument(
    "profile", cls=FoundArgument, found_with="sim list --what profiles", metavar="PROFILE"
)


@click.group(cls=OrderedGroup, order=("list", "add", "remove"))
def rule() -> None:
    """Firewall rules of an IP Profile.

    A profile belongs to Things Groups. So a rule holds for all their SIMs, and not for one site alone.
    """


@rule.command("list", acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim rule list fw-1")
@profile_argument
@account_option
@site_option
@json_option
@click.pass_obj
def list_rules(session: Session, profile: str, account: str | None, site: str | None, as_json: bool) -> None:
    """List the rules of a profile, as the contract has them."""
    found = chosen(session, account, site)
    words = ("rule", "filter", "firewall")
    print_list_in(found, Operation.PROFILES_READ, {"profile": profile}, words, _EMPTY, as_json=as_json)


@rule.command(
    acts=[Act.SIM_NETWORK_CHANGE],
    epilog="\b\nExamples:\n  engage sim rule add fw-1 --direction out --destination 203.0.113.10/32 --port 443\n"
    "  engage sim rule add fw-1 --direction in --action deny --protocol tcp",
)
@profile_argument
@click.option("--direction", required=True, metavar="WORD", help="out: from the SIMs. in: to them.")
@click.option(
    "--action", default="allow", show_default=True, metavar="WORD", help="What happens to such traffic: allow or deny."
)
@click.option(
    "--protocol", default="tcp", show_default=True, metavar="WORD", help="tcp, udp, or what your map has besides."
)
@click.option("--destination", default="", metavar="CIDR", help="An address or network. [default: any]")
@click.option("--port", default="", metavar="PORT", help="A port. [default: any]")
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def add(
    session: Session,
    profile: str,
    direction: str,
    action: str,
    protocol: str,
    destination: str,
    port: str,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Add a rule to a profile.

    The map turns these words into those of your contract, which is checked before anything is sent. A wrong rule can
    cut off all doors behind the profile's SIMs. What a site needs, this shows: engage link policy.
    """
    values = {"profile": profile, "direction": direction, "action": action, "protocol": protocol}
    values |= {name: text for name, text in (("destination", destination), ("port", port)) if text}
    change = f"add the rule {direction} {action} {protocol} to {destination or 'any'} port {port or 'any'}"
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.RULES_ADD,
        values,
        of=f"profile {profile}",
        change=change,
        yes=yes,
        as_json=as_json,
        see=f"sim rule list {profile}",
    )


@rule.command(acts=[Act.SIM_NETWORK_CHANGE], epilog="\b\nExample:\n  engage sim rule remove fw-1 r-1")
@profile_argument
@click.argument("rule_id", cls=FoundArgument, found_with="sim rule list PROFILE", metavar="RULE")
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def remove(
    session: Session,
    profile: str,
    rule_id: str,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove a rule. If it was the last one, all traffic is allowed, in and out."""
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.RULES_REMOVE,
        {"profile": profile, "rule": rule_id},
        of=f"profile {profile}",
        change=f"remove the rule {rule_id}",
        yes=yes,
        as_json=as_json,
        see=f"sim rule list {profile}",
    )
