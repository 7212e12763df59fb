"""``engage lock conformance``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from engage_server.cli.lock.target_options import https_port_option, profile_option
from engage_server.cli.output import print_next, write_report
from engage_server.cli.parameters import (
    FilePath,
    demo_option,
    own_key,
    profile_of,
    read_site_key_option,
    site_key_option,
    site_option,
)
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.lock.conformance.probed_host import ProbedHost
from engage_server.lock.conformance.report import as_json, as_junit, told
from engage_server.lock.conformance.requirement import Outcome
from engage_server.lock.conformance.table import REQUIREMENTS, conformance
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from engage_server.services.access.permissions import Act

_EXAMPLE = """\b
Examples:
  engage lock conformance http://locks.example.org --site-key-file site.key
  engage lock conformance http://127.0.0.1:8080 --https-port 8443 --format junit --output host.xml

The command calls no other host, and uses one connection at a time.

Exit status 0 when every row passes, 1 when one fails, 3 when the host cannot be reached.
"""


@click.command("conformance", cls=AskingCommand, acts=[Act.SITE_KEY_USE], epilog=_EXAMPLE)
@click.argument("url")
@https_port_option
@site_key_option
@site_option
@profile_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="Format of the report.",
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--output", type=FilePath, metavar="FILE", help="Write the report to this file, whole or not at all. - prints it."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    help="How long to wait for an answer, in seconds.",
)
@demo_option
@click.pass_obj
def conformance_command(session: Session, /, url: str, form: str, output: Path | None, **options: Any) -> int:
    """Test everything that a device needs from a host."""
    target = Target.from_url(url, options["https_port"])
    key = read_site_key_option(session, options["site_key_file"], options["demo"]) or own_key(session, options["site"])
    host = ProbedHost(target, key, DeviceLimits.of_profile(profile_of(options["profile"]), options["timeout"]))
    host.assert_reachable()
    streams = form == "text" and output is None
    outcomes = list(_told(conformance(host)) if streams else _counted(conformance(host)))
    failed = sum(not outcome.passed for outcome in outcomes)
    if not streams:
        write_report((_report(outcomes, form, url),), output)
    elif failed:
        print_next(f"fix the {failed} of {len(outcomes)} rows that failed, then try again")
    else:
        click.echo(f"All {len(outcomes)} rows pass; nothing to do.")
    return 1 if failed else 0


def _told(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    for outcome in outcomes:
        click.echo(told(outcome, lambda text, colour: click.style(text, fg=colour, bold=True)), nl=False)
        yield outcome


def _counted(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=len(REQUIREMENTS), label="rows", file=sys.stderr, hidden=hidden) as bar:
        for outcome in outcomes:
            bar.update(1)
            yield outcome


def _report(outcomes: list[Outcome], form: str, url: str) -> str:
    if form == "json":
        return as_json(outcomes, url)
    if form == "junit":
        return as_junit(outcomes, url)
    return "".join(told(outcome, lambda text, _colour: text) for outcome in outcomes)
