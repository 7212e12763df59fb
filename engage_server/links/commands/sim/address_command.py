"""``engage sim lock-address``."""

from functools import partial
from ipaddress import ip_address

import click

from engage_server.cli.output import json_option, print_next
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.links.commands.sim.orders import assert_offered, order_once, print_answer
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import (
    Chosen,
    account_option,
    chosen,
    pasted,
    site_option,
    thing_argument,
)
from engage_server.links.sim.account import Acted
from engage_server.links.sim.operations import Operation
from engage_server.records import AuditAction
from engage_server.services.access.permissions import Act

_EXAMPLES = """\b
Examples:
  engage sim lock-address 8931440000000000001
  engage sim lock-address --site depot --address 10.20.0.7
  engage sim lock-address 8931440000000000001 --release
"""


@click.command("lock-address", cls=AskingCommand, acts=[Act.SIM_CHANGE], epilog=_EXAMPLES)
@thing_argument
@account_option
@site_option
@click.option("--address", metavar="IP", help="The address that it keeps. [default: the one that it has now]")
@click.option("--release", is_flag=True, help="Let its address change again with each session.")
@json_option
@click.pass_obj
def lock_address(
    session: Session,
    thing: str | None,
    account: str | None,
    site: str | None,
    address: str | None,
    release: bool,
    as_json: bool,
) -> None:
    """Lock the IP address of a SIM. A NAT rule leads to one address, so lock it first.

    A locked address never expires, and the SIM always gets it.
    """
    if release and address:
        raise UsageError("--release frees an address, and --address locks one", "Give one of the two.")
    found = chosen(session, account, site)
    name = found.one_thing(thing)
    operation = Operation.THINGS_RELEASE_ADDRESS if release else Operation.THINGS_LOCK_ADDRESS
    assert_offered(found, operation)
    wanted = "" if release else _address(address or _address_now(session, found, name))
    change = "release its address" if release else f"lock the address {wanted}"
    values = {"thing": name} if release else {"thing": name, "address": wanted}
    action = AuditAction.SIM_CHANGE_ORDERED
    answer = order_once(
        session,
        found,
        operation,
        values,
        action,
        otherwise=partial(_otherwise, wanted=wanted),
        thing=name,
        change=change,
    )
    sentence = f"released the address of SIM {name}" if release else f"locked the address {wanted} of SIM {name}"
    print_answer(answer, sentence, as_json=as_json)
    if not as_json:
        print_next(f"{program()} sim show {pasted(name)}")


def _address_now(session: Session, found: Chosen, name: str) -> str:
    thing = found.account.thing(name)
    learn(session, found, [thing])
    return thing.address


def _otherwise(acted: Acted, *, wanted: str) -> str:
    """How the operator's answer contradicts the order."""
    thing = acted.thing
    if thing is None or (thing.is_locked is None and not thing.address):
        return ""
    if thing.is_locked is not None and thing.is_locked is not bool(wanted):
        return f"says that the address of SIM {thing.thing} is {'locked' if thing.is_locked else 'not locked'}"
    if wanted and thing.address and not _is_same(thing.address, wanted):
        return f"says that the address of SIM {thing.thing} is {thing.address}, not {wanted}"
    return ""


def _is_same(said: str, wanted: str) -> bool:
    try:
        return ip_address(said) == ip_address(wanted)
    except ValueError:
        return said == wanted


def _address(text: str) -> str:
    if not text:
        raise UsageError("the SIM has no address now", "Give one of its Network's pool: --address IP.")
    try:
        return str(ip_address(text))
    except ValueError:
        raise UsageError(f"{text!r} is not an IP address", "Write it such as 10.20.0.7.") from None
