"""How devices are shown."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from engage_server.cli.output import counted, print_table, print_wrapped
from engage_server.cli.program import unbroken
from engage_server.records import VIRTUAL_LOCK, DeviceHistory, DeviceLabel
from engage_server.services.device_files.exchange import DeviceEvent
from engage_server.services.device_files.given_database import GivenDatabase
from engage_server.services.evidence.device_view import GRADE_WORDS, DeviceView

if TYPE_CHECKING:
    from engage_server.services.doors.door import DoneByDoor
    from engage_server.services.doors.held import HeldByDoor

_EVENTS_SHOWN = 20
_DISREGARDED = {
    "future": "they lie in the future: the clock of the server that wrote them was ahead",
    VIRTUAL_LOCK: "they are of a virtual lock, and this site was not made for trials",
    "before_installation": "they lie before this installation: the clock of the server that wrote them was behind",
}
# the grades of certainty of the protocol notes, section 5
_FORMS_OF_IT = "(tokens: reported from the field for gateways, assumed for locks)"


def print_device(view: DeviceView, *, has_audits: bool = False) -> None:
    """One device.

    Args:
        view: The device.
        has_audits: Whether audits of it are here. They are written at once, and contacts some seconds later.
    """
    known = view.history
    if known is None:
        seen = "and no contact of it is stored yet" if has_audits else "and never seen"
        click.echo(f"{view.title} of {view.site} was added, {seen}")
        click.echo("contacts are stored a few seconds after a call: look again then")
        return
    rows: list[tuple[str, object]] = [
        *_label(view.label),
        ("device", f"{view.identity} of {view.site}"),
        ("seen", f"on {days(known.nights)}, {known.first_seen:%Y-%m-%d} to {known.last_seen:%Y-%m-%d %H:%M} UTC"),
        ("missed from", f"{known.due_at:%Y-%m-%d %H:%M} UTC, by its own habit"),
        ("last accepted", f"the chain of release {known.finished_release}" if known.finished_release else "none yet"),
        (
            "since then",
            f"notices {known.notices}, downloads {known.certificates}, refused handshakes {known.refusals}",
        ),
    ]
    if known.host:
        rows.append(("calls", known.host))
    rows += _addresses(known)
    for number in sorted(known.releases):
        reached = known.releases[number]
        rows.append((f"release {number}", f"{GRADE_WORDS[reached.grade]} on {reached.reached_at:%Y-%m-%d %H:%M} UTC"))
    print_table(["", ""], rows, "")
    for reason, count in view.disregarded.items():
        print_wrapped(f"{counted(count, 'sighting')} not counted: {_DISREGARDED[reason]}", "  ")
    if known.is_shared_address:
        print_wrapped(
            "at least one device with a serial number calls from this address, so it is no device itself", "  "
        )
    if known.report:
        when = f"{known.reported_at:%Y-%m-%d %H:%M} UTC" if known.reported_at else ""
        print_wrapped(f"its last audit or alert of a connection, on {when}: {view.report}", "  ")
    if view.diagnosis is not None:
        print_wrapped(f"[{view.diagnosis.code}] {view.diagnosis.cause}", "  ")
        print_wrapped(f"  fix: {unbroken(view.diagnosis.mend)}", "    ")


def _label(label: DeviceLabel) -> Iterator[tuple[str, str]]:
    """What people call it."""
    if label.name:
        yield "name", label.name
    if label.place:
        yield "place", label.place


def _addresses(known: DeviceHistory) -> Iterator[tuple[str, str]]:
    """Where it calls from, and how it has proved itself."""
    if known.home:
        since, last = (f"{at:%Y-%m-%d}" if at else "?" for at in (known.home_since, known.home_seen_at))
        yield "usual address", f"{known.home}, {since} to {last}"
        yield "", f"it finished TLS from there on {days(known.tls_nights)}"
    if known.away:
        at = f"{known.away_seen_at:%Y-%m-%d %H:%M} UTC" if known.away_seen_at else "?"
        counts = "its usual address is silent" if known.away_nights else "it was seen at its usual address since"
        yield "also seen at", f"{known.away}, last {at}"
        yield "", f"{counts}; not counted until it has moved there"
    if known.is_contested:
        yield (
            "contested",
            "seen at two addresses by turns on three days; neither counts until one is silent",
        )
    if known.authenticated_at is not None:
        yield (
            "proved itself",
            f"by a token on {days(known.authenticated_nights)}, last {known.authenticated_at:%Y-%m-%d %H:%M} UTC",
        )
        yield "", f"with release {known.authenticated_release}"
        yield (
            "",
            _FORMS_OF_IT,
        )


def days(count: int) -> str:
    """A number of days."""
    return counted(count, "day")


def print_held(held: "HeldByDoor") -> None:
    """Which anchors it may hold, and how it takes what is served."""
    for each in held.anchors:
        of = f"release{'' if len(each.releases) == 1 else 's'} {', '.join(map(str, each.releases))}"
        holds = "holds" if len(held.anchors) == 1 else "may hold"
        print_wrapped(f"it {holds} the anchor of {of}, which ends on {each.not_after:%Y-%m-%d}", "  ")
    if held.served and held.anchors:
        print_wrapped(f"release {held.served} is served now: {held.words(held.takes_served)}", "  ")
    if held.following and held.anchors:
        print_wrapped(f"release {held.following} comes next: {held.words(held.takes_following)}", "  ")


def print_timeline(done: Sequence["DoneByDoor"]) -> None:
    """What it did lately, newest first."""
    if done:
        click.echo("what it did lately, newest first:")
    for each in done:
        print_wrapped(f"  {each.at:%Y-%m-%d %H:%M} UTC: {each.sentence}", "    ")


def print_given(given: GivenDatabase | None) -> None:
    """The last time that it asked this host for its database."""
    if given is not None:
        had = "none" if given.asked_with == "0" else given.asked_with
        print_wrapped(
            f"database: it was given {given.version} on {given.at:%Y-%m-%d %H:%M} UTC, when it had {had}", "  "
        )


def print_events(events: Sequence[DeviceEvent]) -> None:
    """The latest events of its audits and alerts, newest last."""
    if not events:
        return
    click.echo(f"its audits and alerts, the last {min(len(events), _EVENTS_SHOWN)} of {len(events)}:")
    rows = [
        (each.received_at, each.device_time, each.upload, each.code, each.sentence) for each in events[-_EVENTS_SHOWN:]
    ]
    print_table(["received (UTC)", "by its own clock", "upload", "code", "event"], rows, "")
