"""``engage lock fleet``."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from engage_server.cli.lock.target_options import https_port_option, profile_option
from engage_server.cli.lock.this_machine import ask_unless_here
from engage_server.cli.output import counted, json_option, print_json, print_next
from engage_server.cli.parameters import (
    demo_option,
    own_key,
    profile_of,
    read_site_key_option,
    site_key_option,
    site_option,
)
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.session import Session
from engage_server.errors import NotPossible
from engage_server.lock.firmware import Firmware
from engage_server.lock.fleet.habit import Arrival
from engage_server.lock.fleet.nights import Fleet, FleetPlan
from engage_server.lock.fleet.tally import FleetTally
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.target import Target
from engage_server.services.access.permissions import Act

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # click gives its type no public name

MAX_COUNT = 100_000

_EXAMPLE = """\b
Examples:
  engage lock fleet http://127.0.0.1:8080 --https-port 8443 --count 1000 --over 30
  engage lock fleet http://locks.example.org --site-key-file site.key --count 500 --arrival minute --yes

Devices are commissioned in the first night: notice, DER, hash, TLS. In later nights, they call by TLS with the anchor
that they have. They ask for another one only when TLS fails. No other host is called.

Exit status 0 when every call succeeded, 3 when no call reached the host, otherwise 1.
"""

_REFRESH_SECONDS = 0.5


@click.command("fleet", cls=AskingCommand, acts=[Act.SITE_KEY_USE], epilog=_EXAMPLE)
@click.argument("url")
@https_port_option
@click.option("--count", type=click.IntRange(1, MAX_COUNT), required=True, help="How many devices.")
@click.option(
    "--over", type=click.FloatRange(0, 86400), default=60.0, show_default=True, help="Length of a night in seconds."
)
@click.option(
    "--nights", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many nights, one after another."
)
@click.option(
    "--arrival",
    type=click.Choice([str(each) for each in Arrival]),
    default="spread",
    show_default=True,
    help="When in the night they call.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="How many calls are made at the same time.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the devices' habits.")
@click.option("--call-in", is_flag=True, help="Also make the calls of the night: config, database, audit, alert.")
@site_key_option
@site_option
@profile_option
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=30.0,
    show_default=True,
    help="How long to wait for an answer, in seconds.",
)
@click.option("--yes", is_flag=True, help="Do not ask before calling another machine.")
@demo_option
@json_option
@click.pass_obj
def fleet_command(session: Session, /, url: str, as_json: bool, **options: Any) -> int:
    """Let many virtual devices call a host.

    Each device calls at the time of its habit, on a separate connection, as real devices do.
    """
    target = Target.from_url(url, options["https_port"])
    ask_unless_here(target.host, options["count"], yes=options["yes"])
    key = read_site_key_option(session, options["site_key_file"], options["demo"]) or own_key(session, options["site"])
    limits = DeviceLimits.of_profile(profile_of(options["profile"]), options["timeout"])
    plan = FleetPlan(
        count=options["count"],
        seconds=options["over"],
        nights=options["nights"],
        arrival=Arrival(options["arrival"]),
        seed=options["seed"],
        at_once=min(options["at_once"], options["count"]),
        call_in=options["call_in"],
    )
    tally = FleetTally()
    with _shown(tally, plan.count * plan.nights):
        Fleet(target=target, key=key, limits=limits, firmware=Firmware(), plan=plan, now=session.now).run(tally)
    report = tally.report()
    if as_json:
        print_json(report)
    else:
        _tell(report)
    if tally.nobody_answered:
        return NotPossible.exit_status
    return 1 if tally.lost else 0


@contextmanager
def _shown(tally: FleetTally, calls: int) -> Iterator[None]:
    """A progress bar with a live summary, on a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    bar: ProgressBar[None] = click.progressbar(
        length=calls,
        file=sys.stderr,
        item_show_func=lambda _: f"{tally.well} succeeded, {tally.lost} lost",
        show_pos=True,
    )

    def refresh() -> None:
        seen = 0
        while not over.wait(_REFRESH_SECONDS):
            bar.update(tally.done - seen)
            seen = tally.done
        bar.update(tally.done - seen)

    with bar:
        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _tell(report: dict[str, Any]) -> None:
    calls, nights = counted(report["calls"], "call"), counted(report["nights"], "night")
    click.echo(f"{calls} in {nights}: {report['well']} succeeded, {report['lost']} lost")
    click.echo(f"{'seconds':<12}{'p50':>9}{'p99':>9}{'max':>9}{'count':>9}")
    for stage, found in report["seconds"].items():
        click.echo(f"{stage:<12}{found['p50']:>9.3f}{found['p99']:>9.3f}{found['max']:>9.3f}{found['count']:>9}")
    for digest, count in report["adoption"].items():
        hold = "holds" if count == 1 else "hold"
        click.echo(f"{counted(count, 'device')} {hold} {'the anchor ' + digest if digest else 'no anchor'}")
    for row in report["why_lost"][:10]:
        click.echo(f"{click.style('lost', fg='red', bold=True)}  {counted(row['calls'], 'call')}: {row['failure']}")
    if report["latest_start"] > 1:
        click.echo(
            f"some devices began {report['latest_start']:.1f} s after their time: this machine is the bottleneck"
        )
    if report["lost"]:
        print_next("engage lock conformance shows what is wrong")
    else:
        click.echo("All devices are fine; nothing to do.")
