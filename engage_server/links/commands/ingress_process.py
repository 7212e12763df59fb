"""The program of one instance of the ingress, which ``engage serve links`` starts. It never imports the database."""

import sys
from pathlib import Path

import click

from engage_server.cli import status_of
from engage_server.cli.session import Session
from engage_server.links.ingress.instance import IngressApplication
from engage_server.serving.pair import hold_lifeline, tell_ready

MODULE = "engage_server.links.commands.ingress_process"


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--bind", required=True)
@click.option("--port", type=int, required=True)
@click.option("--lifeline", type=int, required=True)
@click.option("--ready", type=int, required=True)
def ingress_process(config: Path | None, bind: str, port: int, lifeline: int, ready: int) -> int:
    """Serve one address and port of links.toml until a signal ends it."""
    session = Session(config)
    hold_lifeline(lifeline)
    IngressApplication(session.settings, bind, port, lambda: tell_ready(ready)).run()
    return 0


if __name__ == "__main__":
    sys.exit(status_of(ingress_process, None))
