"""How devices are shown, for people and for scripts."""

from collections.abc import Sequence
from typing import Any

import click

from engage_server.cli.output import print_table
from engage_server.records import Grade
from engage_server.services.device_evidence import DeviceView
from engage_server.services.device_exchange import DeviceEvent

WORDS = {
    Grade.NEVER_SEEN: "never seen",
    Grade.NOTICE: "asked for the notice",
    Grade.CERTIFICATE: "downloaded the anchor",
    Grade.HANDSHAKE: "finished TLS",
    Grade.AUTHENTICATED: "proved itself by a token",
}
_EVENTS_SHOWN = 20


def print_device(view: DeviceView) -> None:
    """A device for people."""
    known = view.history
    if known is None:
        click.echo(f"{view.identity} of {view.site} was added, and never seen")
        return
    rows: list[tuple[str, object]] = [
        ("device", f"{view.identity} of {view.site}"),
        ("seen", f"on {known.nights} day(s), {known.first_seen:%Y-%m-%d} to {known.last_seen:%Y-%m-%d %H:%M} UTC"),
        ("is missed from", f"{known.due_at:%Y-%m-%d %H:%M} UTC on, by its own habit"),
        ("accepted last", f"the chain of release {known.finished_release}" if known.finished_release else "none yet"),
        (
            "since then",
            f"{known.notices} notices, {known.certificates} downloads, {known.refusals} refused handshakes",
        ),
    ]
    for number in sorted(known.releases):
        reached = known.releases[number]
        rows.append((f"release {number}", f"{WORDS[reached.grade]} on {reached.reached_at:%Y-%m-%d %H:%M} UTC"))
    print_table(["", ""], rows, "")
    if known.is_shared_address:
        click.echo("several devices with serial numbers call from this address: it is no device of its own")
    if known.report:
        when = f"{known.reported_at:%Y-%m-%d %H:%M} UTC" if known.reported_at else ""
        click.echo(f"its audits said last, on {when}: {view.report}")
    if view.diagnosis is not None:
        click.echo(f"[{view.diagnosis.code}] {view.diagnosis.cause}\n      mend: {view.diagnosis.mend}")


def print_events(events: Sequence[DeviceEvent]) -> None:
    """The latest events of its audits, newest last."""
    if not events:
        return
    click.echo(f"its audits, the last {min(len(events), _EVENTS_SHOWN)} of {len(events)}:")
    rows = [(each.received_at, each.device_time, each.code, each.sentence) for each in events[-_EVENTS_SHOWN:]]
    print_table(["received (UTC)", "by its own clock", "code", "what it says"], rows, "")


def device_json(view: DeviceView) -> dict[str, Any]:
    """A device for scripts."""
    known = view.history
    value: dict[str, Any] = {
        "device": view.identity,
        "serial": view.serial,
        "site": view.site,
        "grade": view.grade.name.lower() if view.grade is not None else None,
        "nights_since": view.silent_nights,
        "trouble": None,
    }
    if view.diagnosis is not None:
        value["trouble"] = {
            "code": view.diagnosis.code,
            "cause": view.diagnosis.cause,
            "mend": view.diagnosis.mend,
        }
    if known is not None:
        value |= {
            "first_seen": known.first_seen.isoformat(),
            "last_seen": known.last_seen.isoformat(),
            "nights": known.nights,
            "due_at": known.due_at.isoformat(),
            "finished_release": known.finished_release or None,
            "finished_at": known.finished_at.isoformat() if known.finished_at else None,
            "report": known.report or None,
            "reported_at": known.reported_at.isoformat() if known.reported_at else None,
            "anchor_failed_at": known.anchor_failed_at.isoformat() if known.anchor_failed_at else None,
            "fetched_release": known.fetched_release or None,
            "releases": {
                str(number): {"grade": reached.grade.name.lower(), "at": reached.reached_at.isoformat()}
                for number, reached in sorted(known.releases.items())
            },
        }
    return value
