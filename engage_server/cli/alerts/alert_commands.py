"""``engage alert``."""

import click

from engage_server.as_json.alert_recipients import delivery_json, recipient_json
from engage_server.cli.alerts.add_commands import add
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import json_option, print_json, print_next, print_table, print_wrapped
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import NotPossible, Refused
from engage_server.records import ChannelKind
from engage_server.services.access.permissions import Act
from engage_server.services.alerts.channel import Outcome
from engage_server.services.alerts.recipients import RecipientStanding, shown_address


@click.group(cls=OrderedGroup, order=("add", "list", "test", "remove"))
def alert() -> None:
    """Alerts: who gets them, by mail, webhook, chat or command.

    Each recipient has one channel. The running servers send alerts to a new recipient from now on.
    """


alert.add_command(add)


@alert.command("list", acts=[Act.ALERT_SEE], epilog="\b\nExamples:\n  engage alert list\n  engage alert list --json")
@json_option
@click.pass_obj
def list_recipients(session: Session, as_json: bool) -> None:
    """List who gets alerts, and how the last one went."""
    found = session.operator_side().alerting.recipients.all()
    if as_json:
        print_json([recipient_json(each) for each in found])
        return
    columns = ["recipient", "channel", "to", "kinds", "sites", "state", "last sent (UTC)"]
    print_table(columns, map(_row, found), "there is no recipient: nobody gets alerts")
    for each in found:
        _print_trouble(each)
    if found:
        print_next(f"{program()} alert test NAME")
    else:
        print_next(f"{program()} alert add mail NAME --to ADDRESS --server HOST --user NAME --password-file FILE")


@alert.command(
    acts=[Act.ALERT_TEST],
    epilog="\b\nExamples:\n  engage alert test caretakers\n  engage alert test caretakers --json",
)
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def test(session: Session, name: str, as_json: bool) -> None:
    """Send a test alert now, and say what happened.

    A recipient that was switched off is switched on again if the test arrives. The exit status is 0 if the receiver
    accepted it, and 1 if it refused it for good. It is 3 if it could not be sent, or may not have arrived.
    """
    recipients = session.operator_side().alerting.recipients
    before = recipients.get(name)
    delivery = recipients.test(name, session.occasion())
    if as_json:
        print_json(delivery_json(name, delivery))
    elif delivery.outcome is Outcome.SENT:
        click.echo(f"the test alert for '{name}' was accepted by its receiver")
        if before.off_since is not None:
            click.echo(f"alerts go to '{name}' again")
        spam = ". If it did not, look into the folder for spam" if before.channel is ChannelKind.MAIL else ""
        print_next(f"check whether it arrived{spam}")
    if delivery.outcome is not Outcome.SENT:
        kind = Refused if delivery.outcome is Outcome.REFUSED else NotPossible
        raise kind(delivery.why, delivery.fix, code=f"alert.{delivery.outcome}")


@alert.command(acts=[Act.ALERT_CHANGE], epilog="\b\nExample:\n  engage alert remove caretakers")
@click.argument("name", metavar="NAME")
@json_option
@click.pass_obj
def remove(session: Session, name: str, as_json: bool) -> None:
    """Remove a recipient, its secret, and alerts that wait."""
    session.operator_side().alerting.recipients.remove(name, session.occasion())
    if as_json:
        print_json({"recipient": name, "removed": True})
        return
    click.echo(f"no more alerts go to '{name}'")
    print_next(f"{program()} alert list")


def _row(standing: RecipientStanding) -> tuple[object, ...]:
    of = standing.recipient
    return (
        of.name,
        of.channel.value,
        shown_address(of),
        ", ".join(of.kinds) or "all",
        "all" if of.sites is None else ", ".join(of.sites) or "none",
        f"off since {of.off_since:%Y-%m-%d}" if of.off_since else "on",
        f"{standing.sent_at:%Y-%m-%d %H:%M}" if standing.sent_at else "not lately",
    )


def _print_trouble(standing: RecipientStanding) -> None:
    of = standing.recipient
    if of.off_since:
        print_wrapped(f"{of.name} is off: {of.off_why}", "  ")
    elif standing.trouble and standing.trouble_at:
        waits = f" ({standing.waiting} waiting)" if standing.waiting else ""
        print_wrapped(f"{of.name}, alert of {standing.trouble_at:%Y-%m-%d %H:%M} UTC{waits}: {standing.trouble}", "  ")
    if standing.tested_at:
        print_wrapped(f"{of.name}, test of {standing.tested_at:%Y-%m-%d %H:%M} UTC: {standing.test}", "  ")
