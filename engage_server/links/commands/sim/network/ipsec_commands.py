"""``engage sim ipsec``: tunnels of a Network."""

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
from engage_server.links.commands.sim.secret_files import shared_secret_of
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, site_option
from engage_server.links.sim.operations import Operation
from engage_server.records import IPNetwork
from engage_server.services.access.permissions import Act

_HIDDEN = ("secret", "psk", "pre_shared_key", "preshared", "password")
_EXAMPLE = """\b
Example:
  engage sim ipsec add --network net-1 --peer 203.0.113.10 --local 10.20.0.0/16 --remote 10.44.0.0/24 \\
    --shared-secret-file tunnel.secret
"""


@click.group(cls=OrderedGroup, order=("list", "add", "remove"))
def ipsec() -> None:
    """IPSec tunnels between a Network and your own network. Doors' calls are TLS anyway."""


@ipsec.command("list", acts=[Act.SIM_SEE], epilog="\b\nExample:\n  engage sim ipsec list --network net-1")
@network_option
@account_option
@site_option
@json_option
@click.pass_obj
def list_tunnels(session: Session, network: str, account: str | None, site: str | None, as_json: bool) -> None:
    """List the tunnels of a Network, as the contract has them. Shared secrets are left out."""
    found = chosen(session, account, site)
    print_list_in(
        found,
        Operation.NETWORKS_READ,
        {"network": network},
        ("tunnel", "ipsec", "vpn"),
        "The Network has no tunnel.",
        as_json=as_json,
        hidden=_HIDDEN,
    )


@ipsec.command(acts=[Act.SIM_NETWORK_CHANGE], epilog=_EXAMPLE)
@network_option
@click.option("--peer", required=True, metavar="HOST", help="The address of your gateway.")
@click.option(
    "--local",
    "local_networks",
    type=NetworkType(),
    multiple=True,
    required=True,
    metavar="CIDR",
    help="A network on the side of the SIMs. Repeat it for each.",
)
@click.option(
    "--remote",
    "remote_networks",
    type=NetworkType(),
    multiple=True,
    required=True,
    metavar="CIDR",
    help="A network on your side. Repeat it for each.",
)
@click.option(
    "--shared-secret-file",
    required=True,
    metavar="FILE",
    help="File with the shared secret, with mode 0600. - reads standard input.",
)
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def add(
    session: Session,
    network: str,
    peer: str,
    local_networks: tuple[IPNetwork, ...],
    remote_networks: tuple[IPNetwork, ...],
    shared_secret_file: str,
    account: str | None,
    site: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Set up a tunnel for encryption from end to end.

    The shared secret goes to the operator and into no log, error or audit entry. Your gateway needs the same one.
    """
    found = chosen(session, account, site)
    secret = shared_secret_of(shared_secret_file)
    local, remote = [str(each) for each in local_networks], [str(each) for each in remote_networks]
    order_in_network(
        session,
        found,
        Operation.TUNNELS_ADD,
        {
            "network": network,
            "peer": peer,
            "local_networks": local,
            "remote_networks": remote,
            "shared_secret": secret.reveal().decode(),
        },
        of=f"network {network}",
        change=f"add a tunnel to {peer} between {', '.join(local)} and {', '.join(remote)}",
        yes=yes,
        as_json=as_json,
        see=f"sim ipsec list --network {network}",
    )


@ipsec.command(acts=[Act.SIM_NETWORK_CHANGE], epilog="\b\nExample:\n  engage sim ipsec remove tun-1 --network net-1")
@click.argument("tunnel", cls=FoundArgument, found_with="sim ipsec list --network ID", metavar="TUNNEL")
@network_option
@account_option
@site_option
@sure_option
@json_option
@click.pass_obj
def remove(
    session: Session, tunnel: str, network: str, account: str | None, site: str | None, yes: bool, as_json: bool
) -> None:
    """Remove a tunnel."""
    order_in_network(
        session,
        chosen(session, account, site),
        Operation.TUNNELS_REMOVE,
        {"network": network, "tunnel": tunnel},
        of=f"network {network}",
        change=f"remove the tunnel {tunnel}",
        yes=yes,
        as_json=as_json,
        see=f"sim ipsec list --network {network}",
    )
