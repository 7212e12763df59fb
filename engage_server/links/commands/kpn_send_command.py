"""``engage kpn send``."""

from dataclasses import dataclass
from pathlib import Path

import click

from engage_server.cli.output import counted, json_option, print_json, print_table
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.files import read_file
from engage_server.links.commands.kpn_links import chosen_link, secret_of
from engage_server.links.kpn.device_name import DeviceName, NameKind
from engage_server.links.kpn.link_keys import KpnKeys, read_keys
from engage_server.links.kpn.sending import Endpoint, Reply, internet_endpoint, m2m_endpoint, read_reply, send
from engage_server.links.kpn.senml.resolved import resolved_record, shown_value
from engage_server.links.kpn.senml.writing import read_reading, write_pack
from engage_server.links.kpn.shared_secrets import SecretKind
from engage_server.links.registry.links_file import Link
from engage_server.records import Secret
from engage_server.services.access.permissions import Act

_SECONDS = 30
_MOST_SECONDS = 600
_MAX_CA_BYTES = 1024 * 1024
_EXAMPLES = """\b
Examples:
  engage kpn send --site depot door=closed rssi=-71
      plain HTTP, inside KPN's private network
  engage kpn send --site depot door=closed --internet
      https, from anywhere

links.toml says who reports: imei, or device_uuid for --internet, and device_secret_file.
The table of response codes is missing in KPN's document. Exit status 0 for 2xx, 3 for 429 and 5xx, else 1.
"""


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who reports, where to, and what proves it."""

    device: DeviceName
    endpoint: Endpoint
    secret: Secret | None


@click.command("send", cls=AskingCommand, acts=[Act.LINK_CALL], epilog=_EXAMPLES)
@click.argument("readings", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option(
    "--site", metavar="NAME", shell_complete=completions.sites, help="The site whose link is used. [default: any]"
)
@click.option("--link", "link_name", metavar="NAME", help="The link in links.toml. [default: the only one]")
@click.option("--internet", is_flag=True, help="Send by https over the internet instead. It needs no SIM of KPN.")
@click.option("--no-time", is_flag=True, help="Leave the base time out: the receiver fills in its own.")
@click.option("--ca-file", type=FilePath, metavar="FILE", help="Trust these CAs for --internet, not the system's.")
@click.option(
    "--timeout",
    type=click.IntRange(1, _MOST_SECONDS),
    default=_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="The limit of the whole call.",
)
@json_option
@click.pass_obj
def send_command(
    session: Session,
    readings: tuple[str, ...],
    site: str | None,
    link_name: str | None,
    internet: bool,
    no_time: bool,
    ca_file: Path | None,
    timeout: int,
    as_json: bool,
) -> None:
    """Report to KPN Things as a device of a site.

    The message is SenML with a message token. A downlink that comes back is printed. Nothing is sent twice, and no
    redirect is followed. Checked against this server's own ingress and curl, never against KPN Things.
    """
    sender = _sender(chosen_link(session, link_name, site), internet)
    now = session.now()
    body = write_pack(sender.device, [read_reading(each) for each in readings], None if no_time else now)
    trust = read_file(ca_file, limit=_MAX_CA_BYTES).decode("ascii", "replace") if ca_file else ""
    answer = send(sender.endpoint, body, sender.secret, timeout, trust)
    reply = read_reply(answer, sender.endpoint, now)
    if as_json:
        print_json(
            {
                "address": sender.endpoint.shown,
                "status": reply.status,
                "sent": body.decode(),
                "downlink": [resolved_record(each) for each in reply.downlink],
            }
        )
        return
    click.echo(f"sent to {sender.endpoint.shown}: {body.decode()}")
    _print_reply(reply)


def _sender(link: Link, internet: bool) -> _Sender:
    keys = read_keys(link)
    endpoint = internet_endpoint(keys.internet_url) if internet else m2m_endpoint(keys.m2m_address)
    secret = None
    if keys.device_secret_file is not None:
        secret = secret_of(str(keys.device_secret_file), SecretKind.DEVICE)
    elif internet:
        raise link.where.refused("there is no device_secret_file", "Add one: over the internet, a token is required.")
    return _Sender(_name(link, keys, internet), endpoint, secret)


def _name(link: Link, keys: KpnKeys, internet: bool) -> DeviceName:
    if internet and keys.device_uuid is not None:
        return DeviceName(NameKind.DVNUUID, keys.device_uuid.lower())
    if not internet and keys.imei is not None:
        return DeviceName(NameKind.IMEI, keys.imei)
    key = "device_uuid" if internet else "imei"
    raise link.where.refused(f"there is no {key}, so it is not known who reports", f"Add a line: {key} = ...")


def _print_reply(reply: Reply) -> None:
    click.echo(f"accepted with status {reply.status}")
    if reply.downlink:
        print_table(["downlink", "value"], [(each.name, shown_value(each)) for each in reply.downlink], "")
    elif reply.unread_bytes:
        click.echo(f"the answer has {counted(reply.unread_bytes, 'byte')} that are no SenML, and are not shown")
    else:
        click.echo("no downlink came back")
