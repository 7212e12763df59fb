"""``engage sim show``."""

import click

from engage_server.cli.output import console, json_option, print_json, print_next, print_wrapped
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.links.commands.sim.list_command import state_of
from engage_server.links.commands.sim.paths.learning import learn
from engage_server.links.commands.sim.sim_accounts import account_option, chosen, pasted, site_option, things_argument
from engage_server.links.commands.sim.sim_json import reached_json, thing_json
from engage_server.links.sim.things import Reachability, Reached, Thing, ThingState
from engage_server.services.access.permissions import Act

_EXAMPLES = """\b
Examples:
  engage sim show 8931440000000000001
  engage sim show --site depot --json
"""
_STYLES = {ThingState.ACTIVE: "green", ThingState.PROVISIONED: "yellow"}
_REACHED = {
    Reachability.DATA: "yes, by data",
    Reachability.SMS: "by SMS only",
    Reachability.NONE: "no",
    Reachability.UNKNOWN: "not known",
}
_HONEST = "The operator of the SIM says so. It proves nothing about a door."


@click.command("show", cls=AskingCommand, acts=[Act.SIM_SEE], epilog=_EXAMPLES)
@things_argument
@account_option
@site_option
@json_option
@click.pass_obj
def show(session: Session, things: tuple[str, ...], account: str | None, site: str | None, as_json: bool) -> None:
    """Show SIMs in full, and whether the network reaches them.

    The IMEI is that of the device in which a SIM sits. If it changes, somebody put the SIM into another device.
    """
    found = chosen(session, account, site)
    read = found.choice(things).read(found.account)
    learn(session, found, read)
    reached = [found.account.reached(each) for each in read]
    if as_json:
        shown = [{**thing_json(thing), "reached": reached_json(at)} for thing, at in zip(read, reached, strict=True)]
        print_json({"account": found.account.name, "things": shown})
        return
    for thing, at in zip(read, reached, strict=True):
        _print(thing, at)
    print_wrapped(_HONEST, "")
    print_next(f"{program()} sim plan {pasted(read[0].thing)} --to STATE")


def _print(thing: Thing, reached: Reached) -> None:
    style = _STYLES.get(thing.state, "bold red") if thing.state is not None else "yellow"
    console().print(f"{thing.thing}: {state_of(thing)}", style=style)
    said = f"{_REACHED[reached.reachability]}"
    if reached.at is not None:
        said += f", as the network knew at {reached.at:%Y-%m-%d %H:%M} UTC"
    locked = {True: "locked", False: "changes with each session", None: ""}[thing.is_locked]
    rows = (
        ("reached", said),
        ("session", {True: "yes", False: "no", None: ""}[thing.is_connected]),
        ("group", thing.group),
        ("tags", ", ".join(thing.tags)),
        ("services", "" if thing.services is None else ", ".join(thing.services) or "none"),
        ("address", ", ".join(filter(None, (thing.address, locked)))),
        ("IMEI", thing.imei),
        ("ICCID", thing.iccid if thing.iccid != thing.thing else ""),
        ("IMSI", thing.imsi),
        ("phone number", thing.phone_number),
        *thing.fields.items(),
    )
    for label, text in rows:
        if text:
            console().print(f"  {label:<13} {text}")
