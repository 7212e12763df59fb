"""``engage sim billing``."""

import re

import click

from engage_server.cli.output import json_option, print_next
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.entries import print_entries
from engage_server.links.commands.sim.orders import assert_offered
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, group_option, site_option
from engage_server.links.sim.operations import Operation
from engage_server.services.access.permissions import Act

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_EXAMPLES = """\b
Examples:
  engage sim billing
  engage sim billing --site depot --month 2027-01
  engage sim billing 8931440000000000001 --json
"""


@click.command("billing", cls=AskingCommand, acts=[Act.SIM_SEE], epilog=_EXAMPLES)
@click.argument("thing", required=False, metavar="[THING]")
@account_option
@site_option
@group_option
@click.option("--month", metavar="YYYY-MM", help="The month. [default: the present billing cycle]")
@json_option
@click.pass_obj
def billing(
    session: Session,
    thing: str | None,
    account: str | None,
    site: str | None,
    group: str,
    month: str | None,
    as_json: bool,
) -> None:
    """Show what an account, a SIM or a Things Group costs.

    It is printed as the contract has it. Charges are for megabytes and SMS, at the end of the billing cycle.
    """
    if month is not None and not _MONTH.fullmatch(month):
        raise UsageError(f"{month!r} is no month", "Write it as 2027-01.")
    if group and (thing or site):
        raise UsageError("SIMs are chosen in two ways", "Give THING, --site or --group.")
    found = chosen(session, account, site)
    assert_offered(found, Operation.BILLING_READ)
    name = found.one_thing(thing) if thing or site else ""
    given = {"thing": name, "group": group, "month": month or ""}
    values = {key: value for key, value in given.items() if value}
    print_entries(found.account.entries(Operation.BILLING_READ, values), "there are no charges", as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim list")
