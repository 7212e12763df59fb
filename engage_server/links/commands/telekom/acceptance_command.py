"""``engage telekom acceptance``."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engage_server import __version__
from engage_server.cli.output import json_option, print_json, write_report
from engage_server.cli.parameters import FilePath
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.links.commands.telekom.call_command import (
    environment_option,
    links_of,
    links_option,
    service_of,
)
from engage_server.links.registry.links_file import LinksFile
from engage_server.links.telekom.certificates.profiles import Environment
from engage_server.links.telekom.notifications.link_keys import read_telekom_links
from engage_server.pki.encodings import der
from engage_server.records import PathEvent
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from engage_server.links.telekom.calls.acceptance import Means, Outcome, Step
    from engage_server.links.telekom.calls.portal import Portal

_MOST_EVENTS = 1000
_NAMES = {"a": "synchronous request, SIM usage", "b": "asynchronous request, SIM activation"}


@click.command(
    cls=AskingCommand,
    acts=[Act.LINK_CALL],
    epilog="""\b
Examples:
  engage telekom acceptance --environment ta --usage iccid=8949020000001234567 --output acceptance.txt
  engage telekom acceptance --environment ta --usage iccid=8949020000001234567 \\
    --activation iccid=8949020000001234567 --wait 30

Case b waits for the notification M2MAdmResponse, so 'engage serve links' and the operators' instance have to run. One
value of --activation must be an identifier of a link in links.toml.

Exit status: 0 all cases passed, 1 one did not.

Checked against a pretended portal with Apache WSS4J and WSDL files of our own. Never against Telekom.
""",
)
@environment_option
@click.option("--usage", multiple=True, metavar="NAME=VALUE", help="A parameter of SIMUsageGet: runs case a.")
@click.option("--activation", multiple=True, metavar="NAME=VALUE", help="A parameter of SIMActivation: runs case b.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 24 * 60),
    default=15.0,
    show_default=True,
    metavar="MINUTES",
    help="How long case b waits for M2MAdmResponse.",
)
@click.option(
    "--output",
    type=FilePath,
    metavar="FILE",
    shell_complete=completions.files,
    help="Write the protocol to this file. [default: standard output]",
)
@links_option
@json_option
@click.pass_obj
def acceptance(session: Session, /, environment: str, **options: Any) -> int:
    """Run the two test cases, and print a protocol.

    a: SIMUsageGet is answered with SIMUsageResponse. b: SIMActivation is answered with MessageResponse, and
    M2MAdmResponse follows. Case b activates a SIM.
    """
    from engage_server.links.telekom.calls.acceptance import run_case
    from engage_server.links.telekom.calls.placing import parse_arguments

    cases = {case: given for case, given in (("a", options["usage"]), ("b", options["activation"])) if given}
    if not cases:
        raise UsageError("there is no test case to run", "Give --usage NAME=VALUE, --activation NAME=VALUE, or both.")
    file, where = links_of(session, options["links_file"]), Environment(environment)
    portals = _portals(file, where, cases)
    identifiers = _identifiers(file, where, options["activation"])
    means = _means(session, file, where, portals, "b" in cases)
    wait = timedelta(minutes=options["wait"])
    outcomes = [run_case(case, parse_arguments(given), identifiers, wait, means) for case, given in cases.items()]
    if options["as_json"]:
        print_json(_as_json(where, portals, outcomes))
    else:
        write_report(_protocol(where, portals, outcomes, session.now()), options["output"])
    return int(any(each.failure for each in outcomes))


def _portals(file: LinksFile, environment: Environment, cases: Iterable[str]) -> "dict[str, Portal]":
    """What each service needs, read before anything is sent."""
    from engage_server.links.telekom.calls.acceptance import OPERATIONS
    from engage_server.links.telekom.calls.portal import read_portal

    services: list[Any] = [OPERATIONS[case][0] for case in cases]
    return {service: read_portal(file, environment, service) for service in services}


def _identifiers(file: LinksFile, environment: Environment, activation: Sequence[str]) -> list[str]:
    """Those values that a link has as an identifier: only its notification becomes an event."""
    known = {each for link in read_telekom_links(file) if link.environment is environment for each in link.identifiers}
    named = [value for value in (each.partition("=")[2] for each in activation) if value in known]
    if activation and not named:
        raise UsageError(
            f"no value of --activation is an identifier of a link of {environment}",
            f"Name the SIM in {file.where.file}: identifiers = [...]",
        )
    return named


def _means(
    session: Session, file: LinksFile, environment: Environment, portals: "Mapping[str, Portal]", needs_store: bool
) -> "Means":
    from engage_server.links.telekom.calls.acceptance import Means
    from engage_server.links.telekom.calls.portal import call
    from engage_server.links.telekom.calls.wsdl import Wsdl

    wsdls = {service: Wsdl(_wsdl(file, service)) for service in portals}
    links = {link.name for link in read_telekom_links(file) if link.environment is environment}
    side = session.operator_side() if needs_store else None

    def events(since: datetime) -> Iterator[PathEvent]:
        if side is not None:
            stored = side.paths.events(since=since, limit=_MOST_EVENTS)
            yield from (each.event for each in stored if each.event.link in links)

    return Means(
        call=lambda service, operation, given: call(portals[service], wsdls[service], operation, given, session.now),
        events=events,
        now=session.now,
        sleep=time.sleep,
        told=_tell,
    )


def _wsdl(file: LinksFile, service: str) -> Path:
    from engage_server.links.telekom.settings import read_telekom_table

    where = file.where.below("telekom")
    for each in read_telekom_table(file.telekom, where).wsdl_files:
        try:
            if service_of(each) == service:
                return each
        except UsageError:  # of our own side, or called otherwise
            continue
    raise where.refused(
        f"no file is the WSDL of {service}", 'wsdl_files = ["M2MAdmv30.wsdl", "M2MMonv30.wsdl"]', "wsdl_files"
    )


def _tell(step: "Step") -> None:
    """Say at once what is going on: case b can take a while."""
    click.echo(f"{step.at:%H:%M:%S} UTC  {step.what}", err=True)


def _protocol(
    environment: Environment, portals: "Mapping[str, Portal]", outcomes: "Sequence[Outcome]", at: datetime
) -> Iterator[str]:
    yield "Connectivity API: test cases of section 7\n\n"
    yield f"environment        {environment.upper()}\n"
    for service, portal in portals.items():
        yield f"{service:<19}{portal.url}\n"
    signer = next(iter(portals.values())).signer
    yield f"signed with        {signer.certificate.subject.rfc4514_string()}\n"
    yield f"  SHA-256          {hashlib.sha256(der(signer.certificate)).hexdigest()}\n"
    yield f"made by            engage-server {__version__}, {at:%Y-%m-%d %H:%M} UTC\n"
    for outcome in outcomes:
        yield f"\n{outcome.case}) {_NAMES[outcome.case]}\n"
        for step in outcome.steps:
            yield f"  {step.at:%Y-%m-%d %H:%M:%S} UTC  {step.what}\n"
            if step.sha256:
                yield f"    Body, SHA-256: {step.sha256}\n"
        yield f"  result: {'failed: ' + outcome.failure if outcome.failure else 'passed'}\n"


def _as_json(
    environment: Environment, portals: "Mapping[str, Portal]", outcomes: "Sequence[Outcome]"
) -> dict[str, Any]:
    return {
        "environment": str(environment),
        "services": {service: portal.url for service, portal in portals.items()},
        "cases": [
            {
                "case": outcome.case,
                "passed": not outcome.failure,
                "failure": outcome.failure,
                "steps": [{"at": s.at.isoformat(), "what": s.what, "body_sha256": s.sha256} for s in outcome.steps],
            }
            for outcome in outcomes
        ],
    }
