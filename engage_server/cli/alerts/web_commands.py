"""``engage alert add webhook``, ``slack`` and ``teams``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.cli.alerts.recipient_options import add_recipient, ca_option, print_added, read_ca, recipient_options
from engage_server.cli.parameters import read_secret
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.standard_input import assert_one_reader
from engage_server.errors import UsageError
from engage_server.records import ChannelKind, Secret
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from engage_server.services.alerts.channels.web.terms import WebRequest

_inside_option = click.option(
    "--inside", is_flag=True, help="The receiver may be in a private network, or on this machine."
)
_url_file_option = click.option(
    "--url-file",
    required=True,
    metavar="FILE",
    help="File with the address, which is a secret. - reads standard input.",
)


@click.command(
    cls=AskingCommand,
    acts=[Act.ALERT_CHANGE],
    epilog="\b\nExamples:\n  engage alert add webhook ops --url https://ops.example.org/engage > ops.secret\n"
    "  engage alert add webhook desk --url https://desk.example.org/hook --inside --secret-file desk.secret",
)
@recipient_options
@click.option("--url", metavar="URL", help="The address, if it holds no secret.")
@click.option("--url-file", metavar="FILE", help="File with the address, if it is a secret. - reads standard input.")
@click.option(
    "--secret-file",
    metavar="FILE",
    help="File with the signing key, whsec_... A second line signs as well. - reads standard input. "
    "[default: make one, and print it]",
)
@_inside_option
@ca_option
@click.pass_obj
def webhook(
    session: Session,
    name: str,
    sites: tuple[str, ...],
    kinds: tuple[str, ...],
    url: str | None,
    url_file: str | None,
    secret_file: str | None,
    inside: bool,
    ca_file: Path | None,
) -> None:
    """Send alerts to a program by signed requests.

    The form is that of Standard Webhooks. Without --secret-file, a signing key is made and printed alone on standard
    output. Give it to the receiver. It is not shown again. No redirect is followed, and no link-local address called.
    """
    from engage_server.services.alerts.channels.web.signing import new_signing_key, read_signing_keys
    from engage_server.services.alerts.channels.web.terms import WebRequest

    if (url is None) == (url_file is None):
        raise UsageError("one address is needed", "Give --url URL, or --url-file FILE if it is a secret.")
    assert_one_reader([url_file, secret_file])
    address = Secret(url.encode("utf-8", "replace")) if url is not None else read_secret(url_file or "")
    keys = [new_signing_key()] if secret_file is None else read_signing_keys(read_secret(secret_file).reveal())
    request = WebRequest(ChannelKind.WEBHOOK, address, url is None, keys, inside, read_ca(ca_file))
    host = _add(session, name, request, sites, kinds)
    if url is not None and url.lower().startswith("http:"):
        click.echo("warning: without TLS, others can read these alerts on their way to the receiver.", err=True)
    if secret_file is not None:
        print_added(name, host)
        return
    click.echo(keys[0].reveal().decode())
    click.echo(f"alerts go to '{name}' ({host}) from now on. The signing key is not shown again", err=True)
    click.echo(f"next: give it to the receiver, then: {program()} alert test {name}", err=True)


@click.command(
    cls=AskingCommand,
    acts=[Act.ALERT_CHANGE],
    epilog="\b\nExample:\n  engage alert add slack doors-channel --url-file slack.url",
)
@recipient_options
@_url_file_option
@_inside_option
@ca_option
@click.pass_obj
def slack(
    session: Session,
    name: str,
    sites: tuple[str, ...],
    kinds: tuple[str, ...],
    url_file: str,
    inside: bool,
    ca_file: Path | None,
) -> None:
    """Send alerts to a channel of Slack.

    It needs the address of an incoming webhook. Anyone who has it can write there. So it comes from a file, is sealed,
    and only its host is shown.
    """
    _add_chat(session, name, ChannelKind.SLACK, url_file, inside, ca_file, sites, kinds)


@click.command(
    cls=AskingCommand,
    acts=[Act.ALERT_CHANGE],
    epilog="\b\nExample:\n  engage alert add teams doors-channel --url-file teams.url",
)
@recipient_options
@_url_file_option
@_inside_option
@ca_option
@click.pass_obj
def teams(
    session: Session,
    name: str,
    sites: tuple[str, ...],
    kinds: tuple[str, ...],
    url_file: str,
    inside: bool,
    ca_file: Path | None,
) -> None:
    """Send alerts to a channel of Microsoft Teams.

    It needs the address of a workflow. Anyone who has it can write there. So it comes from a file, is sealed, and only
    its host is shown.
    """
    _add_chat(session, name, ChannelKind.TEAMS, url_file, inside, ca_file, sites, kinds)


def _add_chat(
    session: Session,
    name: str,
    kind: ChannelKind,
    url_file: str,
    inside: bool,
    ca_file: Path | None,
    sites: tuple[str, ...],
    kinds: tuple[str, ...],
) -> None:
    from engage_server.services.alerts.channels.web.terms import WebRequest

    request = WebRequest(
        kind, read_secret(url_file), is_url_secret=True, may_be_inside=inside, trust_pem=read_ca(ca_file)
    )
    print_added(name, _add(session, name, request, sites, kinds))


def _add(session: Session, name: str, request: "WebRequest", sites: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    """Add a webhook. Return its host."""
    terms = request.terms()
    add_recipient(session, name, request.kind, terms, sites, kinds)
    return terms.shown["host"]
