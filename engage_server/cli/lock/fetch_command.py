"""``engage lock fetch``: one virtual lock."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from engage_server.cli.lock.target_options import https_port_option, profile_option
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import (
    MOST_DAYS,
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
from engage_server.errors import UsageError
from engage_server.files import read_file, write_output
from engage_server.lock.firmware import QUESTIONS, Firmware, TlsVersion, all_kinds
from engage_server.lock.fleet.every_kind import Loss, Trial, losses, try_all
from engage_server.lock.limits import DeviceLimits
from engage_server.lock.memory import DeviceMemory, read_memory, write_memory
from engage_server.lock.step import Step
from engage_server.lock.target import Target, read_serial
from engage_server.lock.virtual_lock import Trigger, VirtualLock, accepted
from engage_server.services.access.permissions import Act

_EXAMPLE = """\b
Examples:
  engage lock fetch http://locks.example.org --site-key-file site.key
  engage lock fetch http://127.0.0.1:8080 --https-port 8443
      with the site key of the installation here
  engage lock fetch http://locks.example.org --try-all
      which kinds of device would be lost?
  engage lock fetch http://locks.example.org --state door7.json
      one device's nights, call after call

With --state, the device remembers its anchor. It then calls by TLS, and asks for the certificate only when TLS fails.

Exit status 1 when a device would refuse, 3 when the network prevents the call.
"""

_VERSIONS = {version.label: version for version in TlsVersion}
_MAX_STATE_BYTES = 1 << 16
_PROGRESS_EVERY = 16


class TlsRangeType(click.ParamType[tuple[TlsVersion, TlsVersion]]):
    """One TLS version, or the oldest and the newest, such as ``1.0-1.2``."""

    name = "tls"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[TlsVersion, TlsVersion]:
        """Parse, or fail with a usage error."""
        if isinstance(value, tuple):
            return value
        oldest, _, newest = value.partition("-")
        try:
            versions = _VERSIONS[oldest], _VERSIONS[newest or oldest]
        except KeyError:
            versions = TlsVersion.TLS_1_3, TlsVersion.TLS_1_0
        if versions[0].value > versions[1].value:
            self.fail(f"{value!r} is no range of TLS versions. Give 1.2, or 1.0-1.2.", param, ctx)
        return versions


@click.command("fetch", cls=AskingCommand, acts=[Act.SITE_KEY_USE], epilog=_EXAMPLE)
@click.argument("url")
@https_port_option
@site_key_option
@site_option
@click.option("--serial", metavar="HEX", help="Send this serial number, 32 hexadecimal digits. [default: none]")
@profile_option
@click.option("--state", type=FilePath, metavar="FILE", help="Keep the anchor in this file from one call to the next.")
@click.option("--trigger", type=click.Choice([str(each) for each in Trigger]), help="What happened to the device.")
@click.option("--call-in", is_flag=True, help="Then make the calls of the night: config, database, audit, alert.")
@click.option("--try-all", is_flag=True, help="Play every kind of device, and report which would be lost.")
@click.option("--partial-chain", is_flag=True, help="Be a device that accepts an anchor that is not a root.")
@click.option("--counts-pem", is_flag=True, help="Be a device that measures the chain as PEM, not as DER.")
@click.option("--reads-common-name", is_flag=True, help="Be a device that reads the common name if there is no SAN.")
@click.option("--no-server-name", is_flag=True, help="Be a device that sends no server name in TLS.")
@click.option("--no-dates", is_flag=True, help="Be a device that checks no dates.")
@click.option(
    "--clock-error",
    type=click.IntRange(-MOST_DAYS, MOST_DAYS),
    default=0,
    metavar="DAYS",
    help="Be a device whose clock is wrong; -3 is three days behind.",
)
@click.option(
    "--tls",
    type=TlsRangeType(),
    default="1.2-1.3",
    show_default=True,
    metavar="OLDEST-NEWEST",
    help="TLS versions that it speaks.",
)
@click.option("--ciphers", default="", metavar="LIST", help="OpenSSL's cipher list for TLS up to 1.2.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    help="How long to wait for an answer, in seconds.",
)
@demo_option
@json_option
@click.pass_obj
def fetch_command(session: Session, /, url: str, as_json: bool, **options: Any) -> int:
    """Do what one device does: fetch the anchor, then use TLS.

    The virtual lock fetches and checks the trust certificate as a device does. Then it connects by TLS and trusts
    nothing else.
    """
    target = Target.from_url(url, options["https_port"])
    key = read_site_key_option(session, options["site_key_file"], options["demo"]) or own_key(session, options["site"])
    limits = DeviceLimits.of_profile(profile_of(options["profile"]), options["timeout"])
    serial = read_serial(options["serial"]) if options["serial"] else None
    firmware, now = _firmware(options), session.now()
    if options["try_all"]:
        if options["state"] or options["trigger"] or options["call_in"]:
            raise UsageError("--try-all is for new devices", "Leave out --state, --trigger and --call-in.")
        return _tried(try_all(target, key, limits, firmware, now, serial), firmware, as_json=as_json)
    lock = VirtualLock(
        target=target, key=key, limits=limits, firmware=firmware, serial=serial, memory=_memory(options["state"])
    )
    steps: list[Step] = []
    try:
        for step in lock.run(_trigger(options["trigger"], lock.memory), now, call_in=options["call_in"]):
            steps.append(step)
            if not as_json:
                _tell(step)
    finally:
        if options["state"]:
            write_output(options["state"], write_memory(lock.memory))
    return _summed_up(steps, lock.memory, as_json=as_json)


def _firmware(options: dict[str, Any]) -> Firmware:
    oldest, newest = options["tls"]
    return Firmware(
        accepts_partial_chain=options["partial_chain"],
        counts_pem=options["counts_pem"],
        reads_common_name=options["reads_common_name"],
        sends_server_name=not options["no_server_name"],
        checks_dates=not options["no_dates"],
        clock_error=timedelta(days=options["clock_error"]),
        newest_tls=newest,
        oldest_tls=oldest,
        ciphers=options["ciphers"],
    )


def _memory(state: Path | None) -> DeviceMemory:
    if state is None or not state.exists():
        return DeviceMemory()
    return read_memory(read_file(state, limit=_MAX_STATE_BYTES), source=str(state))


def _trigger(asked: str | None, memory: DeviceMemory) -> Trigger:
    if asked:
        return Trigger(asked)
    return Trigger.NIGHT if memory.anchor_der else Trigger.COMMISSIONING


def _tell(step: Step) -> None:
    mark = click.style("ok", fg="green") if step.ok else click.style("refused", fg="red", bold=True)
    click.echo(f"{step.name:<9} {mark}  {step.sentence}")


def _summed_up(steps: list[Step], memory: DeviceMemory, *, as_json: bool) -> int:
    well = accepted(steps)
    if as_json:
        anchor = memory.anchor_digest or None
        rows = [_as_json(step) for step in steps]
        print_json({"accepted": well, "anchor": anchor, "failures": memory.failures, "steps": rows})
    elif well:
        click.echo(
            "it is a virtual lock: sites for trials count it as a device, other sites do not",
            err=True,
        )
        click.echo("a device with this site key would now call the host by TLS")
    else:
        # a failure of TLS shows in what followed; of the calls of the night the first says most
        refused = next((step for step in steps if not step.ok and step.name != "tls"), steps[-1])
        print_next(refused.next_step or "fix the host. A device would keep its old anchor and ask again.")
    return 0 if well else 1


def _tried(running: Iterator[Trial], base: Firmware, *, as_json: bool) -> int:
    count = len(all_kinds(base))
    with click.progressbar(
        length=count, label="kinds of device", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        trials = []
        for trial in running:
            trials.append(trial)
            bar.update(1)
    found = losses(trials, base)
    kept = sum(trial.failure is None for trial in trials)
    if as_json:
        print_json({"tried": len(trials), "kept": kept, "lost": [_loss_as_json(loss) for loss in found]})
        return 1 if found else 0
    click.echo(
        f"{kept} of {len(trials)} kinds of device come through ({len(QUESTIONS)} open questions, two answers each)"
    )
    for loss in found:
        click.echo(f"{click.style('lost', fg='red', bold=True)}  {loss.who} ({loss.count} kinds)")
        click.echo(f"      {loss.failure.name}: {loss.failure.sentence}")
    if found:
        print_next(found[0].failure.next_step or "fix the host")
    else:
        click.echo("All kinds of device are fine; nothing to do.")
    return 1 if found else 0


def _loss_as_json(loss: Loss) -> dict[str, object]:
    return {"who": loss.who, "kinds": loss.count, "failure": _as_json(loss.failure)}


def _as_json(step: Step) -> dict[str, object]:
    return {"name": step.name, "ok": step.ok, "sentence": step.sentence, "next_step": step.next_step}
