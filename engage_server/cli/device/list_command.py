"""``engage device list``."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from engage_server.as_json.devices import device_json
from engage_server.cli.failing_doors import print_refusing, strangers_of
from engage_server.cli.output import json_option, print_json_list, print_next, print_table, print_wrapped, trials_mark
from engage_server.cli.parameters import HostType, Numbered, site_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program, unbroken
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.protocol.serial_number import decode_serial
from engage_server.records import Host, Site
from engage_server.services.access.permissions import Act
from engage_server.services.evidence.device_view import GRADE_WORDS, DeviceView

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide
    from engage_server.services.evidence.devices import DeviceEvidence, DeviceFilter

_SHOWN = 50
_NAME_SHOWN = 28  # columns
_GRADES = """\b
How far a device got     in JSON
never seen               never_seen     it never called this site
not yet                  never_seen     seen before, but not with this release
asked for the notice     notice         it knows this host, and no more
downloaded the anchor    certificate    it may trust the release from now on
finished TLS             handshake      it accepted the chain of this release
proved itself            authenticated  the same, and its token was valid

"has" is the release whose chain a device accepted last by TLS. "finished TLS" says that it once did so with the release
of the list. Where the two differ, the device may have to fetch another anchor first.

\b
Examples:
  engage device list --site north
  engage device list --release 4 --missing
      which devices did not finish TLS with release 4
  engage device list --calls old.example
      which doors call a host that you want to remove
  engage device list --troubled
      which devices loop, refuse or are silent, and why
  engage device list --search north
      doors whose name or place has a word that begins so
  engage device list --release 4 --all --json
  engage device list --limit 1000 --after 0 --json
      a long list in parts: the next time, --after the last device
"""


@click.command(
    "list",
    cls=AskingCommand,
    acts=[Act.DEVICE_SEE],
    epilog=_GRADES,
)
@site_option
@click.option(
    "--release",
    type=Numbered,
    metavar="N",
    shell_complete=completions.releases,
    help="Show how far each device got with this release.",
)
@click.option("--missing", is_flag=True, help="Only devices that have not finished TLS with it.")
@click.option("--unseen", is_flag=True, help="Only devices on the list that the site never saw.")
@click.option("--troubled", is_flag=True, help="Only devices that seem to be in trouble.")
@click.option("--calls", type=HostType(), metavar="HOST", help="Only devices that called this host last.")
@click.option(
    "--search", metavar="TEXT", help="Only devices with a word in their name or place, or a number, that begins so."
)
@click.option("--all", "shows_all", is_flag=True, help=f"Show more than the first {_SHOWN}.")
@click.option("--limit", type=Numbered, metavar="N", help=f"Show the first N. [default: {_SHOWN}]")
@click.option(
    "--after",
    metavar="SERIAL",
    shell_complete=completions.devices,
    help="List by serial number, those after this one. 0 begins at the first.",
)
@json_option
@click.pass_obj
def list_devices(
    session: Session,
    site: str | None,
    release: int | None,
    missing: bool,
    unseen: bool,
    troubled: bool,
    calls: Host | None,
    search: str | None,
    shows_all: bool,
    limit: int | None,
    after: str | None,
    as_json: bool,
) -> None:
    """List the devices of a site, longest silent first.

    Without --release, the list is for the current release. The table below shows how far a device can get with it.

    To read a long list in parts, give --limit and --after with the last device of the part before. The parts are in the
    order of serial numbers. No device is missing or listed twice, even if devices call meanwhile.

    --search ignores case and accents. It finds the beginning of any word of a name or place, of a serial number or of
    an address. Zeros at the beginning of a serial number may be left out. The devices are in the order of what was
    found.
    """
    if shows_all and limit is not None:
        raise UsageError("--all and --limit exclude each other", "Give one of them.")
    _assert_search(search, after)
    operator = session.operator_side()
    of = operator.sites.get(site)
    name, now = of.name, session.now()
    number = release or operator.releases.current(name)
    most = None if shows_all else limit or _SHOWN
    wanted = operator.evidence.filter(
        name,
        now,
        release=number,
        missing=missing,
        troubled=troubled,
        host=calls,
        search=search or "",
        unseen=unseen,
    )
    found = _Listed(lambda: _read(operator.evidence, name, now, wanted, after=after, most=most))
    if as_json:
        print_json_list(device_json(each) | {"for_trials": of.for_trials} for each in found)
        return
    columns = ["device", f"release {number}" if number else "release", "has", "last seen", "nights", "trouble"]
    rows = (_row(each, now) for each in found)
    if operator.evidence.has_labels(name):
        columns, rows = ["name", *columns], ((_short_name(each), *_row(each, now)) for each in found)
    print_table(columns, rows, _nobody(wanted, after))
    if troubled:
        _print_diagnoses(found)
    if number is not None:
        _print_summary(operator, of, number, now)
    if found.count == most:
        click.echo(
            f"only the first {most} are shown: --all" if after is None else f"more may follow: --after {found.last}"
        )
    if found.first:
        print_next(f"{program()} device show {found.first}")
    elif missing or unseen or troubled or calls or after or search:
        print_next(f"{program()} device list --site {name}")
    else:
        print_next(f"{program()} device add SERIAL --site {name}")


def _assert_search(search: str | None, after: str | None) -> None:
    if search is not None and after is not None:
        raise UsageError("--search and --after exclude each other", "Give --all with --search to see all it finds.")
    if search is not None and not search.strip():
        raise UsageError("there is nothing to search for", "Give the beginning of a name: --search north")


def _print_summary(operator: "OperatorSide", site: Site, release: int, now: datetime) -> None:
    """How far all devices came, and who would refuse the release."""
    grades = operator.evidence.grades(site.name, release)
    text = ", ".join(f"{count} {GRADE_WORDS[grade]}" for grade, count in sorted(grades.items(), reverse=True) if count)
    click.echo(f"release {release} of {site.name}{trials_mark(site)}: {text or 'no device yet'}")
    reception = operator.held_anchors.reception(site.name, release, now)
    if reception.strangers:
        click.echo(f"{strangers_of(reception)} (*)")
    if reception.refuse:
        print_refusing(reception, "would refuse")


def _read(
    evidence: "DeviceEvidence",
    site: str,
    now: datetime,
    wanted: "DeviceFilter",
    *,
    after: str | None,
    most: int | None,
) -> Iterable[DeviceView]:
    """The list: by serial number after one of them, or longest silent first."""
    if after is not None:
        return evidence.following(site, now, wanted, decode_serial(after) or after, most)
    return evidence.every(site, now, wanted) if most is None else evidence.first(site, now, wanted, most)


class _Listed:
    """The devices of one list. They may be read again, and are never all in memory.

    Attributes:
        first, last: The identities of the first and the last one that were read. "" for none.
        count: How many were read last.
    """

    def __init__(self, read: Callable[[], Iterable[DeviceView]]) -> None:
        self._read = read
        self.first = self.last = ""
        self.count = 0

    def __iter__(self) -> Iterator[DeviceView]:
        self.count = 0
        for each in self._read():
            self.first = self.first or each.identity
            self.last, self.count = each.identity, self.count + 1
            yield each


def _print_diagnoses(found: Iterable[DeviceView]) -> None:
    """What is wrong with each device, below the table."""
    for each in found:
        if each.diagnosis is not None:
            print_wrapped(f"{each.title}: {each.diagnosis.cause}", "  ")
            print_wrapped(f"  fix: {unbroken(each.diagnosis.mend)}", "    ")


def _row(each: DeviceView, now: datetime) -> tuple[object, ...]:
    return (
        f"{each.identity}{' *' if each.is_stranger else ''}",
        each.grade_words,
        _has(each),
        _last_seen(each, now),
        "" if each.silent_nights is None else each.silent_nights,
        each.diagnosis.code if each.diagnosis else "",
    )


def _short_name(view: DeviceView) -> str:
    """What people call it, or its place in parentheses; cut, so that a row fits a wide terminal."""
    label = view.label
    words = label.name or (f"({label.place})" if label.place else "")
    return words if len(words) <= _NAME_SHOWN else words[: _NAME_SHOWN - 1] + "\u2026"


def _has(view: DeviceView) -> str:
    """The release whose chain it accepted last: it has an anchor for it. Short, so that a row fits a terminal."""
    return f"{view.history.finished_release}" if view.history and view.history.finished_release else ""


def _last_seen(view: DeviceView, now: datetime) -> str:
    """A date, because nights count. For today it is the time, because somebody may be trying something."""
    if view.history is None:
        return "never"
    seen = view.history.last_seen
    return f"{seen:%H:%M} UTC" if seen.date() == now.date() else f"{seen:%Y-%m-%d}"


def _nobody(wanted: "DeviceFilter", after: str | None) -> str:
    """What is printed in place of an empty list."""
    if wanted.search:
        return f"no such device has a name, place or number that begins with {wanted.search!r}"
    if after is not None:
        return f"no such device comes after {after}"
    if wanted.host:
        return f"no device called {wanted.host} last, as far as devices say what they call"
    if wanted.trouble is not None:
        return "no device seems to be in trouble"
    if wanted.unseen:
        return "every device on the list was seen"
    return "no device is missing" if wanted.missing else "no device was seen or added yet"
