"""``engage m2u check``."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import click

from engage_server.cli.output import console, counted, json_option, print_json, print_next, print_table
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.errors import NotFound, UsageError
from engage_server.links.m2u.slot_keys import Slot
from engage_server.links.m2u.slots import SERVICE, read_slots
from engage_server.links.m2u.spellings import DEVICE, Case, cases, message
from engage_server.links.m2u.trial import Outcome, login_of, outcomes
from engage_server.links.registry.links_file import LinksFile, read_links_file
from engage_server.links.registry.listeners import HostTable
from engage_server.services.access.permissions import Act

_EXAMPLE = """\b
Examples:
  engage m2u check
  engage m2u check --link plant --json
  engage m2u check --link plant --send
"""


@click.command(cls=AskingCommand, acts=[Act.LINK_CHECK, Act.LINK_CALL], epilog=_EXAMPLE)
@click.option("--link", "name", metavar="NAME", help="Only this link. [default: all links of M2U]")
@click.option(
    "--host", "table", metavar="NAME", help="The host's table in links.toml. [default: the first that serves m2u]"
)
@click.option(
    "--client-certificate", type=FilePath, metavar="FILE", help="PEM with certificate and key, to present in TLS."
)
@click.option("--send", is_flag=True, help="Also send a whole message. It is recorded as a path event.")
@json_option
@click.pass_obj
def check(
    session: Session, name: str | None, table: str | None, client_certificate: Path | None, send: bool, as_json: bool
) -> int:
    """Try genuine and forged fields against the running ingress.

    Run it as the user who owns the logins. Each spelling of X_Talk2M_Account is tried with a right login and an account
    that is on no list. A genuine one is answered with 403 "not allowed": the identity was read. A forged one gets 400.
    Nothing is recorded, unless you give --send.

    Exit status 1 when an answer is wrong.
    """
    settings = session.settings()
    file = read_links_file(settings.links_file, settings.links_bind, settings.links_port)
    host = _host(file, table)
    slots = [slot for slot in read_slots(file).slots if name in (None, slot.link)]
    if not slots:
        raise NotFound(
            "there is no such link of M2U in links.toml", "List them: engage link list", code="link.not_found"
        )
    found = [
        (slot, outcome)
        for slot in slots
        for outcome in outcomes(host, _cases(slot, host, client_certificate, send=send), client_certificate)
    ]
    _print(found, as_json=as_json)
    return int(not all(outcome.is_right for _, outcome in found))


def _host(file: LinksFile, table: str | None) -> HostTable:
    for host in file.hosts.values():
        if SERVICE in host.serves and table in (None, host.table):
            return host
    raise NotFound("no such host in links.toml serves m2u", 'Add "m2u" to its key serves.', code="host.not_found")


def _cases(slot: Slot, host: HostTable, client_certificate: Path | None, *, send: bool) -> Iterator[Case]:
    if slot.keys.client_certificate == "required" and client_certificate is None:
        raise UsageError(
            f"link {slot.link} demands a client certificate",
            "Give one: --client-certificate FILE.",
            code="m2u.certificate",
        )
    user, password, device = login_of(slot.keys)
    yield from cases(slot.keys, host.name, (user, password), f"engage-m2u-check-{secrets.token_hex(4)}")
    if send:
        if not slot.keys.accounts:
            raise UsageError(f"link {slot.link} has no account that could send", "Name one in its key accounts.")
        account, devices = next(iter(slot.keys.accounts.items()))
        yield message(slot.keys, host.name, (user, password), account, device or next(iter(devices), DEVICE))


def _print(found: list[tuple[Slot, Outcome]], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(slot, outcome) for slot, outcome in found])
        return
    rows = [
        (slot.link, outcome.case.name, outcome.case.status, "ok" if outcome.is_right else "WRONG", _answer(outcome))
        for slot, outcome in found
    ]
    print_table(["link", "sent", "expected", "", "answer"], rows, "")
    wrong = sum(not outcome.is_right for _, outcome in found)
    if wrong:
        console().print(f"{counted(wrong, 'answer')} wrong", style="bold red")
        print_next("Is a proxy in front of the ingress? It must pass header fields with underscores unchanged.")
    else:
        click.echo("every answer is right. Checked against our own ingress. Never against the provider.")
        print_next(f"{program()} link events")


def _answer(outcome: Outcome) -> str:
    return f"{outcome.status} {outcome.error}".strip() if outcome.status else "none"


def _as_json(slot: Slot, outcome: Outcome) -> dict[str, object]:
    return {
        "link": slot.link,
        "sent": outcome.case.name,
        "expected": outcome.case.status,
        "status": outcome.status,
        "error": outcome.error,
        "right": outcome.is_right,
    }
