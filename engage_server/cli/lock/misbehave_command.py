"""``engage lock misbehave``."""

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import click

from engage_server.cli.lock.target_options import https_port_option
from engage_server.cli.lock.this_machine import ask_unless_here
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import demo_option, own_key, read_site_key_option, site_key_option, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.errors import NotPossible
from engage_server.lock.firmware import Firmware
from engage_server.lock.fleet.misbehaviour import Endured, Misbehaviour, misbehave
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.step import Step
from engage_server.lock.target import Target
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.services.access.permissions import Act

_EXAMPLE = """\b
Examples:
  engage lock misbehave http://127.0.0.1:8080 --https-port 8443 --how stall --count 50
  engage lock misbehave http://127.0.0.1:8080 --https-port 8443 --how slow --how silent --seconds 20

While the misbehaving devices hold their connections, a well-behaved one calls. Exit status 0 when it is served,
otherwise 1.
"""


@click.command("misbehave", cls=AskingCommand, acts=[Act.SITE_KEY_USE], epilog=_EXAMPLE)
@click.argument("url")
@https_port_option
@click.option(
    "--how",
    "ways",
    type=click.Choice([str(each) for each in Misbehaviour]),
    multiple=True,
    help="How they misbehave. [default: all ways]",
)
@click.option(
    "--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many devices for each way."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 600),
    default=10.0,
    show_default=True,
    help="How many seconds they stay connected.",
)
@click.option("--yes", is_flag=True, help="Do not ask before calling another machine.")
@site_key_option
@site_option
@demo_option
@json_option
@click.pass_obj
def misbehave_command(session: Session, /, url: str, as_json: bool, **options: Any) -> int:
    """Play devices that misbehave, and test who is still served.

    They stall, crawl, vanish or send nonsense. Meanwhile a well-behaved device calls.
    """
    target = Target.from_url(url, options["https_port"])
    ways = [Misbehaviour(each) for each in options["ways"]] or list(Misbehaviour)
    ask_unless_here(target.host, options["count"] * len(ways), yes=options["yes"])
    key = read_site_key_option(session, options["site_key_file"], options["demo"]) or own_key(session, options["site"])
    limits = DeviceLimits(seconds=options["seconds"])
    with ThreadPoolExecutor(max_workers=options["count"] * len(ways)) as pool:
        running = {way: [pool.submit(misbehave, way, target, limits) for _ in range(options["count"])] for way in ways}
        steps, why = _well_behaved(VirtualLock(target, key, limits, Firmware()), session)
        found = {way: _counted(each) for way, each in running.items()}
    served = accepted(steps)
    if as_json:
        print_json(
            {"served_meanwhile": served, "why_not": why, "outcomes": {str(w): dict(c) for w, c in found.items()}}
        )
        return 0 if served else 1
    for way, counted in found.items():
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counted.most_common())
        click.echo(f"{way:<16}{outcomes}")
    click.echo(f"meanwhile a well-behaved device was {'served' if served else f'not served: {why}'}")
    if served:
        click.echo("The host withstands it; nothing to do.")
    else:
        print_next("give the host deadlines, or more workers")
    return 0 if served else 1


def _well_behaved(lock: VirtualLock, session: Session) -> tuple[list[Step], str]:
    steps: list[Step] = []
    try:
        steps.extend(lock.run(Trigger.COMMISSIONING, session.now()))
    except NotPossible as error:
        return [], error.sentence
    return steps, "" if accepted(steps) else steps[-1].sentence


def _counted(running: list[Future[Endured]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in running:
        try:
            counted[each.result().outcome] += 1
        except OSError as error:
            counted[f"no connection: {error.strerror or 'silence'}"] += 1
    return counted
