"""Prints or sends what the morning mail would say now: ``engage tonight --mail``."""

from typing import TYPE_CHECKING

import click

from engage_server.cli.output import print_json, print_next, print_wrapped
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import NotFound

if TYPE_CHECKING:  # 'engage tonight' without --mail needs none of this
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.records import AlertMessage, Site


def mail_now(session: Session, operator: "OperatorSide", site: str | None, to: str | None, *, as_json: bool) -> int:
    """Print it, or send it.

    Args:
        session: The command's session.
        operator: The services.
        site: The site. None: all sites, or all that the recipient hears of.
        to: The recipient that it is sent to now. None: it is printed.
        as_json: Whether to print JSON.

    Returns:
        The exit status: 1 if it was not sent.
    """
    from engage_server.services.alerts.morning.mail import whole_message

    sites = _sites(operator, site, to)
    message = whole_message(operator.alerting.mornings.preview(sites, session.now()))
    if to is not None:
        return _send(session, operator, to, message, as_json=as_json)
    if as_json:
        print_json({"subject": message.subject, "text": message.text, "html": message.html, "facts": message.facts})
        return 0
    click.echo(f"Subject: {message.subject}\n")
    click.echo(message.text, nl=False)
    print_next(f"{program()} tonight --mail --to RECIPIENT")
    return 0


def _sites(operator: "OperatorSide", site: str | None, to: str | None) -> "list[Site]":
    from engage_server.services.alerts.addressing import sites_of

    every = list(operator.sites.all())
    names = [each.name for each in every if site in (None, each.name)]
    if to is not None:
        names = sites_of(operator.alerting.recipients.get(to), names)
    found = [each for each in every if each.name in names]
    if not found:
        raise NotFound(
            "there is no site that this mail could be about", "See the sites: engage site list", code="site.not_found"
        )
    return found


def _send(session: Session, operator: "OperatorSide", to: str, message: "AlertMessage", *, as_json: bool) -> int:
    from engage_server.as_json.alert_recipients import delivery_json
    from engage_server.services.alerts.channel import Outcome

    delivery = operator.alerting.recipients.send(to, message, session.occasion())
    is_sent = delivery.outcome is Outcome.SENT
    if as_json:
        print_json(delivery_json(to, delivery))
        return int(not is_sent)
    print_wrapped(f"sent to {to}: {message.subject}" if is_sent else f"not sent to {to}: {delivery.why}", "  ")
    if delivery.fix:
        print_wrapped(f"  {delivery.fix}", "  ")
    print_next(f"{program()} alert list")
    return int(not is_sent)
