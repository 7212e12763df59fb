"""``engage kpn device``."""

from collections.abc import Mapping

import click

from engage_server.as_json.kpn import kpn_device_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import sure_option
from engage_server.cli.program import program
from engage_server.cli.questions import assert_sure
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.kpn_links import chosen_link, secret_of, sites_of_links
from engage_server.links.kpn.device_name import has_check_digit, read_imei
from engage_server.links.kpn.link_keys import read_keys
from engage_server.links.kpn.shared_secrets import SecretKind
from engage_server.links.kpn.sim_numbers import read_iccid, read_msisdn, read_rate_plan
from engage_server.links.registry.links_file import Link
from engage_server.records import KpnDevice, SimType
from engage_server.services.access.permissions import Act
from engage_server.services.kpn_devices.register import SimCard

_EXAMPLES = """\b
Examples:
  engage kpn device add 490154203237518 --link depot-kpn --secret-file door-7.secret
  engage kpn device add 490154203237518 --link depot-kpn --no-secret --sim-type m2m+
"""


@click.group(cls=OrderedGroup, order=("add", "list", "remove"))
def device() -> None:
    """Devices on KPN SIMs that report straight to this server."""


@device.command(acts=[Act.KPN_DEVICE_CHANGE], epilog=_EXAMPLES)
@click.argument("imei", metavar="IMEI")
@click.option("--link", "link_name", metavar="NAME", help="Its link in links.toml. [default: the only link of KPN]")
@click.option("--secret-file", metavar="FILE", help="File with its shared secret. - reads standard input.")
@click.option(
    "--no-secret",
    is_flag=True,
    help="It has none: accept it from the link's private_network only, and show it as unproven.",
)
@click.option("--iccid", default="", metavar="DIGITS", help="The number of its SIM.")
@click.option("--msisdn", default="", metavar="NUMBER", help="The telephone number of its SIM.")
@click.option("--rate-plan", default="", metavar="TEXT", help="The commercial bundle of its SIM.")
@click.option(
    "--sim-type",
    type=click.Choice([each.value for each in SimType]),
    default=SimType.M2M.value,
    show_default=True,
    help="Only a SIM of type m2m+ takes SMS.",
)
@json_option
@click.pass_obj
def add(
    session: Session,
    imei: str,
    link_name: str | None,
    secret_file: str | None,
    no_secret: bool,
    iccid: str,
    msisdn: str,
    rate_plan: str,
    sim_type: str,
    as_json: bool,
) -> None:
    """Register a device by its IMEI.

    Its secret is sealed with the key of the links (links_key_file), which is made if it is missing. The ingress knows
    the device within seconds.
    """
    if (secret_file is None) is not no_secret:
        raise UsageError("a device has a secret or none", "Give --secret-file FILE, or --no-secret.")
    number, link = read_imei(imei), chosen_link(session, link_name)
    sim = SimCard(read_iccid(iccid), read_msisdn(msisdn), read_rate_plan(rate_plan), SimType(sim_type))
    if no_secret:
        _assert_private_network(link)
    secret = None if secret_file is None else secret_of(secret_file, SecretKind.DEVICE)
    side = session.operator_side()
    side.sites.get(link.site)
    added = side.kpn_devices.add(number, link.name, sim, secret, session.occasion())
    if as_json:
        print_json(kpn_device_json(added, link.site, check_digit=has_check_digit(number)))
        return
    click.echo(f"added device {number} to link {link.name} of site {link.site}: {_proof(added)}")
    if not has_check_digit(number):
        click.echo(f"note: the last digit of {number} is not its check digit; compare it with the label")
    print_next(f"{program()} kpn device list")


@device.command(
    "list", acts=[Act.KPN_DEVICE_SEE], epilog="\b\nExamples:\n  engage kpn device list\n  engage kpn device list --json"
)
@json_option
@click.pass_obj
def list_devices(session: Session, as_json: bool) -> None:
    """List the registered devices. Secrets are never shown."""
    sites, found = sites_of_links(session), session.operator_side().kpn_devices.all()
    if as_json:
        print_json(
            [kpn_device_json(each, sites.get(each.link), check_digit=has_check_digit(each.imei)) for each in found]
        )
        return
    columns = ["IMEI", "link", "site", "SIM", "ICCID", "MSISDN", "rate plan", "proof"]
    print_table(columns, [_row(each, sites) for each in found], "no device is registered")
    if found:
        print_next(f"{program()} kpn downlink send IMEI NAME=VALUE")
    else:
        print_next(f"{program()} kpn device add IMEI --secret-file FILE")


@device.command(acts=[Act.KPN_DEVICE_CHANGE], epilog="\b\nExample:\n  engage kpn device remove 490154203237518")
@click.argument("imei", metavar="IMEI")
@sure_option
@json_option
@click.pass_obj
def remove(session: Session, imei: str, yes: bool, as_json: bool) -> None:
    """Remove a device with its secret and the messages to it.

    What it reported stays.
    """
    number, devices = read_imei(imei), session.operator_side().kpn_devices
    devices.device(number)
    if not yes:
        assert_sure(f"remove device {number}, its secret and the messages to it?")
    devices.remove(number, session.occasion())
    if as_json:
        print_json({"imei": number})
        return
    click.echo(f"removed device {number}")
    print_next(f"{program()} kpn device list")


def _assert_private_network(link: Link) -> None:
    if read_keys(link).private_network is None:
        raise link.where.refused(
            "there is no private_network, so a device without a secret could never be accepted",
            'Add a line such as private_network = "10.151.0.0/16". Or give the device a secret.',
        )


def _proof(device: KpnDevice) -> str:
    return "message token" if device.sealed_secret is not None else "unproven: private network alone"


def _row(device: KpnDevice, sites: Mapping[str, str]) -> tuple[str, ...]:
    imei = device.imei if has_check_digit(device.imei) else f"{device.imei} (check digit wrong)"
    site = sites.get(device.link, "(no such link)")
    sim = device.sim_type.value
    return (imei, device.link, site, sim, device.iccid, device.msisdn, device.rate_plan, _proof(device))
