"""``engage tonight``."""

from collections.abc import Sequence

import click

from engage_server.as_json.tonight import tonight_json
from engage_server.cli.alerts.morning_mail import mail_now
from engage_server.cli.output import console, counted, json_option, print_json, print_next, print_wrapped
from engage_server.cli.parameters import all_sites_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program, unbroken
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.services.access.permissions import Act
from engage_server.services.risk.kinds import Severity
from engage_server.services.risk.known import DoorAtRisk, Risk, SiteTonight

_SHOWN = 50
_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}


@click.command(
    cls=AskingCommand,
    acts=[Act.TONIGHT_SEE, Act.ALERT_TEST],
    epilog="\b\nExamples:\n  engage tonight\n  engage tonight --site north\n  engage tonight --json\n"
    "  engage tonight --mail\n  engage tonight --mail --to caretakers",
)
@all_sites_option
@click.option("--mail", "as_mail", is_flag=True, help="Print what the morning mail would say now. Nothing is sent.")
@click.option("--to", metavar="RECIPIENT", help="With --mail: send it to this recipient of alerts now.")
@json_option
@click.pass_obj
def tonight(session: Session, site: str | None, as_mail: bool, to: str | None, as_json: bool) -> int:
    """Show which doors are at risk tonight, and what to do.

    Tonight is the time until the next noon at the site. Without --site, all sites are shown, the worst first. A door
    that is at risk for several reasons is listed once, with all of them.

    high: calls fail already, or are expected to fail tonight. medium: a call may fail or not come. low: worth a look.

    Exit status 1 when anything of severity high or medium is listed. A low one alone leaves it at 0. With --mail, it is
    1 when the mail could not be sent.
    """
    operator = session.operator_side()
    name = operator.sites.get(site).name if site is not None else None
    if as_mail:
        return mail_now(session, operator, name, to, as_json=as_json)
    if to is not None:
        raise UsageError("--to goes with --mail", "Write: engage tonight --mail --to RECIPIENT")
    found = operator.tonight.look(session.now(), lambda each: name in (None, each))
    if as_json:
        print_json(tonight_json(found))
    else:
        _print(found)
    return int(any(each.needs_attention for each in found))


def _print(found: Sequence[SiteTonight]) -> None:
    for each in found:
        _print_site(each)
    if not found:
        click.echo("there is no site yet")
        print_next(f"{program()} init")
        return
    door = next((door for each in found for door in each.doors), None)
    print_next(f"{program()} device show {door.identity}" if door else f"{program()} status")


def _print_site(found: SiteTonight) -> None:
    out = console()
    out.print(found.site, style="bold", end="")
    print_wrapped(f": {_sentence(found)}", "  ", already=len(found.site))
    for risk in found.risks:
        _print_risk("the whole site", risk, risk.mend)
    for door in found.doors[:_SHOWN]:
        _print_door(door)
    if len(found.doors) > _SHOWN:
        click.echo(f"  only the first {_SHOWN} of {len(found.doors)} are shown: --json prints all of them")
    if not found.is_complete:
        click.echo("  there are too many to judge each: more doors may be at risk")
    if found.retirement is not None:
        print_wrapped(f"  {found.retirement.sentence}", "    ")


def _sentence(found: SiteTonight) -> str:
    parts = [f"{count} {severity.word}" for severity, count in found.counts.items() if count]
    until = f"until {found.until:%Y-%m-%d %H:%M} UTC"
    if not parts and found.is_cut and not found.explained:
        return f"no door comes through until the path works ({until})"
    if not parts:
        return f"no {'other ' if found.explained else ''}door is at risk {until}"
    return f"{counted(len(found.doors), 'door')} at risk {until} ({', '.join(parts)})"


def _print_door(door: DoorAtRisk) -> None:
    (worst, mend), *others = door.told
    at = f", {door.label.place}" if door.label.name and door.label.place else ""
    _print_risk(f"{door.title}{at}", worst, mend)
    for risk, more in others:
        _print_risk("also", risk, more, indent=4)


def _print_risk(name: str, risk: Risk, mend: str, indent: int = 2) -> None:
    severity = risk.kind.severity
    margin = " " * indent
    console().print(f"{margin}{severity.word:<6} ", style=_STYLES[severity], end="")
    print_wrapped(f"{name}: {risk.why}", f"{margin}  ", already=indent + 7)
    if mend:
        print_wrapped(f"{margin}  do: {unbroken(mend)}", f"{margin}    ")
