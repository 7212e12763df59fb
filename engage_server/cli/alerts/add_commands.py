"""``engage alert add``."""

import os
from dataclasses import replace
from pathlib import Path

import click

from engage_server.cli.alerts.recipient_options import (
    add_recipient,
    ca_option,
    print_added,
    read_ca,
    recipient_options,
)
from engage_server.cli.alerts.web_commands import slack, teams, webhook
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.parameters import read_secret
from engage_server.cli.session import Session
from engage_server.errors import UsageError
from engage_server.records import ChannelKind
from engage_server.services.access.permissions import Act

_ENCRYPTIONS = ("starttls", "tls", "none")


@click.group(cls=OrderedGroup, order=("mail", "webhook", "slack", "teams", "command"))
def add() -> None:
    """Add somebody who gets alerts, or something that does.

    Passwords, keys and secret addresses are read from files, and sealed in the database. No command shows them again.
    """


for _command in (webhook, slack, teams):
    add.add_command(_command)


@add.command(
    acts=[Act.ALERT_CHANGE],
    epilog="\b\nExamples:\n  engage alert add mail anna --to anna@example.org --server smtp.example.org \\\n"
    "      --user doors@example.org --password-file smtp.password\n"
    "  engage alert add mail bert --to bert@example.org --like anna --site depot\n"
    "  engage alert add mail office --to office@example.org --from doors@example.org \\\n"
    "      --server relay.example.org --encryption none",
)
@recipient_options
@click.option("--to", required=True, metavar="ADDRESS", help="To whom: one address. Add another recipient for another.")
@click.option("--from", "sender", metavar="ADDRESS", help="From whom. [default: the user, if that is an address]")
@click.option("--server", metavar="HOST[:PORT]", help="Your provider's server for sending. [port: 587, 465 or 25]")
@click.option("--user", metavar="NAME", help="The name to sign in with. [default: do not sign in]")
@click.option("--password-file", metavar="FILE", help="File with its password. - reads standard input.")
@click.option(
    "--encryption",
    type=click.Choice(_ENCRYPTIONS),
    help="How the connection is protected. Nothing is sent if that fails. [default: starttls]",
)
@ca_option
@click.option("--like", metavar="NAME", help="Use server, sender, user and password of this recipient.")
@click.pass_obj
def mail(
    session: Session,
    name: str,
    sites: tuple[str, ...],
    kinds: tuple[str, ...],
    to: str,
    sender: str | None,
    server: str | None,
    user: str | None,
    password_file: str | None,
    encryption: str | None,
    ca_file: Path | None,
    like: str | None,
) -> None:
    """Send alerts by mail.

    The server's certificate must be valid for its name. A password is never sent without TLS.
    """
    from engage_server.services.alerts.channels.mail.sending import Encryption
    from engage_server.services.alerts.channels.mail.terms import MailRequest, read_password, read_request

    request = MailRequest(to, "", "")
    if like is not None:
        recipients = session.operator_side().alerting.recipients
        model = recipients.get(like)
        if model.channel is not ChannelKind.MAIL:
            raise UsageError(f"'{like}' gets no mail", "Name a recipient by mail, or leave out --like.")
        request = replace(read_request(model.terms, recipients.secret(like)), to=to)
    request = request.changed(sender, server, user, Encryption(encryption) if encryption else None)
    if password_file is not None:
        request = replace(request, password=read_password(read_secret(password_file).reveal()))
    if ca_file is not None:
        request = replace(request, trust_pem=read_ca(ca_file))
    if not request.server:
        raise UsageError("it is not known which server takes the mail", "Give --server HOST, or --like NAME.")
    add_recipient(session, name, ChannelKind.MAIL, request.terms(), sites, kinds)
    if request.encryption is Encryption.NONE:
        click.echo("warning: without TLS, others can read these mails on their way to the server.", err=True)
    print_added(name, to)


@add.command(
    options_metavar="--run PROGRAM [OPTIONS]",
    acts=[Act.ALERT_CHANGE, Act.ALERT_COMMAND_SET],
    epilog="\b\nExamples:\n  engage alert add command pager --run /usr/local/bin/page -- depot\n"
    "  engage alert add command log --run logger --kind audit_log_broken -- -t engage",
)
@recipient_options
@click.option("--run", "to_run", required=True, metavar="PROGRAM", help="The program, with its path.")
@click.argument("arguments", metavar="[--] [ARGUMENTS]...", nargs=-1)
@click.pass_obj
def command(
    session: Session, name: str, sites: tuple[str, ...], kinds: tuple[str, ...], to_run: str, arguments: tuple[str, ...]
) -> None:
    """Run a program for each alert, as the user of the service.

    It gets the alert as JSON on standard input, and ENGAGE_ALERT_ID, _KIND, _SITE and _SUBJECT as variables. No shell
    reads the arguments. Exit status 0 means that it has taken the alert; else it is run again later. It may take 60 s.
    """
    from engage_server.services.alerts.channels.command_terms import CommandRequest

    terms = CommandRequest(to_run, arguments, session.environment.get("PATH", os.defpath)).terms()
    add_recipient(session, name, ChannelKind.COMMAND, terms, sites, kinds)
    print_added(name, terms.shown["program"])
