"""``engage sim route``: the routing table of a Network."""

import click

from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option
from engage_server.cli.parameters import FoundArgument, NetworkType
from engage_server.cli.session import Session
from engage_server.links.commands.sim.network.network_orders import (
    network_option,
    order_in_network,
    print_list_in,
    sure_option,
)
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, site_option
from engage_server.links.sim.operations import Operation
from engage_server.records import IPNetwork
from engage_server.services.access.permissions import Act


@click.group(cls=OrderedGroup, order=("list", "add", "remove"))
def route() -> None:
    """Routes of a Network to networks outside."""


@route.command("list", acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim route list --network net-1")
@network_option
@account_option
@site_option
@json_option
@click.pass_obj
def list_routes(session: Session, network: str, account: str | None, site: str | None, as_json: bool) -> None:
    """List the routes of a Network, as the contract has them."""
    found = chosen(session, account, site)
    empty = "The Network has no route."
    print_list_in(found, Operation.NETWORKS_READ, {"network": network}, ("route",), empty, as_json=as_json)


@route.command(
    acts=[Act.SIM_NETWORK_CHANGE],
    epilog="\b\nExample:\n  engage sim route add 10.44.0.0/24 --network net-1 --gateway 10.20.0.1",
)
@click.argument("destination", type=NetworkType(), metavar="CIDR")
@network_option
@click.option("--gateway", required=True, metavar="ADDRESS", help="Where it leads: an address, or a tunnel.")
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def add(
    session: Session,
    destination: IPNetwork,
    network: str,
    gateway: str,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Add a route to a Network."""
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.ROUTES_ADD,
        {"network": network, "destination": str(destination), "gateway": gateway},
        of=f"network {network}",
        change=f"add a route to {destination} by {gateway}",
        yes=yes,
        as_json=as_json,
        see=f"sim route list --network {network}",
    )


@route.command(acts=[Act.SIM_NETWORK_CHANGE], epilog="\b\nExample:\n  engage sim route remove route-1 --network net-1")
@click.argument("route_id", cls=FoundArgument, found_with="sim route list --network ID", metavar="ROUTE")
@network_option
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def remove(
    session: Session, route_id: str, network: str, account: str | None, site: str | None, yes: bool, as_json: bool
) -> None:
    """Remove a route."""
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.ROUTES_REMOVE,
        {"network": network, "route": route_id},
        of=f"network {network}",
        change=f"remove the route {route_id}",
        yes=yes,
        as_json=as_json,
        see=f"sim route list --network {network}",
    )
