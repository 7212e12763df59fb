"""Wait until every worker reports that it serves a change, and name those that do not."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engage_server.cli.output import counted, print_table
from engage_server.records import WorkerStatus
from engage_server.services.releases.arrival import Clock, wait_for_workers

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.releases.confirmation import Confirmation

_F = TypeVar("_F", bound=Callable[..., Any])


def wait_options(function: _F) -> _F:
    """``--wait`` and ``--wait-seconds``."""
    function = click.option(
        "--wait-seconds",
        type=click.FloatRange(min=0.1, max=600),
        default=15,
        show_default=True,
        help="How many seconds to wait.",
    )(function)
    return click.option(
        "--wait", is_flag=True, help="Return when each live worker has reported that it serves the release."
    )(function)


def wait_for_site(operator: "OperatorSide", site: str, seconds: float, *, quiet: bool) -> "Confirmation":
    """Wait until all workers serve what the site has now, or the time is over. Name those that are missing."""

    def report(missing: Sequence[WorkerStatus]) -> None:
        if not quiet:
            click.echo(f"waiting for {', '.join(each.worker for each in missing)} ...", err=True)

    clock = Clock(time.monotonic, lambda: datetime.now(UTC), time.sleep)
    return wait_for_workers(operator.confirmations, site, seconds, clock, report)


def print_confirmation(confirmation: "Confirmation", site: str) -> None:
    """Which workers serve it, and which do not, and why."""
    missing = (*confirmation.behind, *confirmation.unable, *confirmation.silent)
    workers = len(confirmation.confirmed) + len(missing)
    if not workers:
        click.echo("no worker runs. It will be served when 'engage serve' is started.")
        return
    hosts = len({each.host for each in confirmation.confirmed})
    serve = "serves" if len(confirmation.confirmed) == 1 else "serve"
    click.echo(f"{len(confirmation.confirmed)} of {counted(workers, 'worker')} {serve} it, on {counted(hosts, 'host')}")
    for each in confirmation.late:
        click.echo(f"late: {each.worker} began {each.late_seconds:.1f} s after the others")
    if not confirmation.is_complete:
        rows = [(each.worker, "has not looked yet, or cannot reach the database") for each in confirmation.behind]
        rows += [(each.worker, f"stays at its last good release: {each.trouble[site]}") for each in confirmation.unable]
        rows += [(each.worker, _silence(each)) for each in confirmation.silent]
        print_table(["worker", "why not"], rows, "")


def _silence(status: WorkerStatus) -> str:
    since = f" since {status.seen_at:%Y-%m-%d %H:%M:%S} UTC" if status.seen_at else ""
    return f"silent{since} without a sign-off: it may serve the release before"
