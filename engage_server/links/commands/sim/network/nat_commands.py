"""``engage sim nat``: port forwarding in a Network."""

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option
from engage_server.cli.parameters import FoundArgument
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import Conflict
from engage_server.links.commands.sim.network.network_orders import (
    network_option,
    order_in_network,
    port_type,
    print_list_in,
    sure_option,
)
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, pasted, site_option, thing_argument
from engage_server.links.sim.operations import Operation
from engage_server.links.sim.things import Thing
from engage_server.services.access.permissions import Act


@click.group(cls=OrderedGroup, order=("list", "add", "remove"))
def nat() -> None:
    """NAT: ports of a Network that lead to a SIM.

    Doors call this server, so a site needs none. A rule is for a router's own page, and lets strangers reach it.
    """


@nat.command("list", acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim nat list --network net-1")
@network_option
@account_option
@site_option
@json_option
@click.pass_obj
def list_rules(session: Session, network: str, account: str | None, site: str | None, as_json: bool) -> None:
    """List the NAT rules of a Network, as the contract has them."""
    found = chosen(session, account, site)
    empty = "The Network has no NAT rule."
    print_list_in(found, Operation.NETWORKS_READ, {"network": network}, ("nat", "forward"), empty, as_json=as_json)


@nat.command(
    acts=[Act.SIM_NETWORK_CHANGE],
    epilog="\b\nExample:\n"
    "  engage sim nat add 8931440000000000001 --network net-1 --outside-port 2201 --inside-port 22",
)
@thing_argument
@network_option
@click.option("--outside-port", type=port_type, required=True, metavar="PORT", help="The port that is called.")
@click.option("--inside-port", type=port_type, required=True, metavar="PORT", help="The port of the device.")
@click.option("--protocol", default="tcp", show_default=True, metavar="WORD", help="tcp or udp.")
@click.option("--address", metavar="IP", help="The address of the SIM. [default: the one that is locked]")
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def add(
    session: Session,
    thing: str | None,
    network: str,
    outside_port: int,
    inside_port: int,
    protocol: str,
    address: str | None,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Forward a port of a Network to a SIM. Its address must be locked, or the rule would lead elsewhere one day."""
    found = chosen(session, account, site)
    name = found.one_thing(thing)
    sim = found.account.thing(name)
    learn(session, found, [sim])
    _assert_locked(sim)
    to = address or sim.address
    order_in_network(
        session,
        found,
        Operation.NAT_ADD,
        {
            "network": network,
            "thing": name,
            "protocol": protocol,
            "outside_port": outside_port,
            "inside_port": inside_port,
            "address": to,
        },
        of=f"network {network}",
        change=f"forward {protocol} port {outside_port} to port {inside_port} of SIM {name} ({to})",
        yes=yes,
        as_json=as_json,
        see=f"sim nat list --network {network}",
    )


@nat.command(acts=[Act.SIM_NETWORK_CHANGE], epilog="\b\nExample:\n  engage sim nat remove nat-1 --network net-1")
@click.argument("rule_id", cls=FoundArgument, found_with="sim nat list --network ID", metavar="RULE")
@network_option
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def remove(
    session: Session,
    rule_id: str,
    network: str,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove a NAT rule."""
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.NAT_REMOVE,
        {"network": network, "rule": rule_id},
        of=f"network {network}",
        change=f"remove the NAT rule {rule_id}",
        yes=yes,
        as_json=as_json,
        see=f"sim nat list --network {network}",
    )


def _assert_locked(sim: Thing) -> None:
    if sim.is_locked is False:
        raise Conflict(
            f"the address of SIM {sim.thing} is not locked, so the rule would lead to another SIM one day",
            f"Lock it first: {program()} sim lock-address {pasted(sim.thing)}",
            code="sim.address_not_locked",
        )
