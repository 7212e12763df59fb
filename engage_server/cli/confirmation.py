"""Waiting until every worker says that it serves a change, and telling who does not."""

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engage_server.cli.output import print_table
from engage_server.records import WorkerStatus

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.releases.confirmation import Confirmation

_F = TypeVar("_F", bound=Callable[..., Any])
_LOOK_SECONDS = 0.1
_A_MISSED_WORD = timedelta(seconds=7)  # a live worker says something every 5 s


def wait_options(function: _F) -> _F:
    """``--wait`` and ``--wait-seconds``."""
    function = click.option(
        "--wait-seconds", type=click.FloatRange(min=0.1, max=600), default=15, show_default=True, help="How long."
    )(function)
    return click.option("--wait", is_flag=True, help="Return when each live worker has said that it serves it.")(
        function
    )


def wait_for_workers(operator: "OperatorSide", site: str, seconds: float, *, quiet: bool) -> "Confirmation":
    """Wait until all workers serve what the site has now, or the time is over.

    A worker that is not heard and said no goodbye counts: the way from it to the database may be cut, and devices may
    be served by it all the same.
    """
    generation = operator.confirmations.generation()
    deadline = time.monotonic() + seconds
    told = quiet
    while True:
        found = operator.confirmations.look(site, generation)
        missing = [each for each in (*found.behind, *found.silent) if _is_alive(each)]
        if not missing:
            return _without_the_dead(found)
        if time.monotonic() >= deadline:
            return _without_the_dead(found)
        if not told and time.monotonic() > deadline - seconds + 2:
            click.echo(f"waiting for {', '.join(each.worker for each in missing)} ...", err=True)
            told = True
        time.sleep(_LOOK_SECONDS)


def print_confirmation(confirmation: "Confirmation", site: str) -> None:
    """Who serves it, and who does not, and why."""
    missing = (*confirmation.behind, *confirmation.unable, *confirmation.silent)
    workers = len(confirmation.confirmed) + len(missing)
    if not workers:
        click.echo("no worker runs: it will be served when 'engage serve' is started")
        return
    hosts = len({each.host for each in confirmation.confirmed})
    click.echo(f"{len(confirmation.confirmed)} of {workers} workers serve it, on {hosts} host(s)")
    if not confirmation.is_complete:
        rows = [(each.worker, "has not looked yet, or can not reach the database") for each in confirmation.behind]
        rows += [(each.worker, f"stays at its last good release: {each.trouble[site]}") for each in confirmation.unable]
        rows += [(each.worker, _silence(each)) for each in confirmation.silent]
        print_table(["worker", "why not"], rows, "")


def confirmation_json(confirmation: "Confirmation") -> dict[str, Any]:
    """The same for scripts."""
    return {
        "confirmed": [each.worker for each in confirmation.confirmed],
        "behind": [each.worker for each in confirmation.behind],
        "silent": [each.worker for each in confirmation.silent],
        "unable": {each.worker: dict(each.trouble) for each in confirmation.unable},
    }


def _without_the_dead(found: "Confirmation") -> "Confirmation":
    from dataclasses import replace

    return replace(
        found,
        behind=tuple(each for each in found.behind if _is_alive(each)),
        silent=tuple(each for each in found.silent if _is_alive(each)),
    )


def _silence(status: WorkerStatus) -> str:
    since = f" since {status.seen_at:%Y-%m-%d %H:%M:%S} UTC" if status.seen_at else ""
    return f"is not heard{since}, and said no goodbye: it may serve the release before"


def _is_alive(status: WorkerStatus) -> bool:
    """Whether a worker that is silent may still be there: one of this machine can be looked for."""
    if status.host != socket.gethostname() or status.seen_at is None:
        return True
    if datetime.now(UTC) - status.seen_at < _A_MISSED_WORD:
        return True
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
