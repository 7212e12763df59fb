"""``engage lock``."""

import click

from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import demo_option, read_site_key_option, site_key_option, site_option
from engage_server.cli.session import Session
from engage_server.lock.fetch import Step, Target, fetch, read_serial
from engage_server.lock.limits import DeviceLimits
from engage_server.records import Secret

_EXAMPLE = """\b
Examples:
  engage lock fetch http://locks.example.org --site-key-file site.key
  engage lock fetch http://127.0.0.1:8080 --https-port 8443      with the key of the installation here

Exit status 1 where a device would refuse, 3 where the network is in the way.
"""


@click.group()
def lock() -> None:
    """The virtual lock: does what a device does, and refuses what a device refuses."""


@lock.command("fetch", epilog=_EXAMPLE)
@click.argument("url")
@click.option(
    "--https-port", type=click.IntRange(1, 65535), default=443, show_default=True, help="Of the TLS instance."
)
@site_key_option
@site_option
@click.option("--serial", metavar="HEX", help="Send this serial number, 32 hexadecimal digits. [default: none]")
@click.option("--partial-chain", is_flag=True, help="Be a device that accepts an anchor which is no root.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Patience in seconds."
)
@demo_option
@json_option
@click.pass_obj
def fetch_command(
    session: Session,
    url: str,
    https_port: int,
    site_key_file: str | None,
    site: str | None,
    serial: str | None,
    partial_chain: bool,
    timeout: float,
    demo: bool,
    as_json: bool,
) -> int:
    """Fetch and check the trust certificate as a device does, then connect by TLS trusting nothing else."""
    target = Target.from_url(url, https_port)
    key = read_site_key_option(session, site_key_file, demo) or _own_key(session, site)
    limits = DeviceLimits(seconds=timeout, accepts_partial_chain=partial_chain)
    steps: list[Step] = []
    for step in fetch(target, key, limits, read_serial(serial) if serial else None):
        steps.append(step)
        if not as_json:
            mark = click.style("ok", fg="green") if step.ok else click.style("refused", fg="red", bold=True)
            click.echo(f"{step.name:<9} {mark}  {step.sentence}")
    accepted = all(step.ok for step in steps)
    if as_json:
        print_json({"accepted": accepted, "steps": [_as_json(step) for step in steps]})
    elif accepted:
        print_next("a device with this site key would now call the host by TLS")
    else:
        print_next(steps[-1].next_step or "mend the host; a device would keep its old anchor and ask again")
    return 0 if accepted else 1


def _own_key(session: Session, site: str | None) -> Secret:
    sites = session.operator_side().sites
    return sites.key(sites.get(site).name)


def _as_json(step: Step) -> dict[str, object]:
    return {"name": step.name, "ok": step.ok, "sentence": step.sentence, "next_step": step.next_step}
