"""The program that polls SIMs, started by ``engage serve links``. It has no key of the installation but the links'."""

import signal
import sys
from pathlib import Path

import click

from engage_server.cli import status_of
from engage_server.cli.session import Session
from engage_server.links.sim.polling.all_polls import Polls
from engage_server.serving.closed_memory import close_memory
from engage_server.serving.pair import tell_ready, watch_lifeline
from engage_server.serving.process_start import log_without_gunicorn

MODULE = "engage_server.links.commands.polling.poll_process"
_AWAITED = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}  # all but the first end it
_MEANS_NOTHING = (signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU)  # gunicorn's: the supervisor passes them on to all


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--lifeline", type=int, required=True)
@click.option("--ready", type=int, required=True)
def poll_process(config: Path | None, lifeline: int, ready: int) -> int:
    """Poll the accounts of links.toml until a signal ends it."""
    # Blocked in every thread, and waited for. A signal that one of the threads below got would not wake this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    for each in _MEANS_NOTHING:
        signal.signal(each, signal.SIG_IGN)
    watch_lifeline(lifeline)
    close_memory()
    session = Session(config)
    log_without_gunicorn(session.settings().log_format)
    polls = Polls(session.settings)
    polls.start()
    tell_ready(ready)
    while signal.sigwait(_AWAITED) == signal.SIGHUP:
        polls.reload()
    polls.stop()
    return 0


if __name__ == "__main__":
    sys.exit(status_of(poll_process, None))
