"""``scripts/trial-nodes``: some nights, in which each part of an installation with two nodes fails."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.bench.report import clean_up_when_terminated, row, say, write_json
from tests.support.running import eventually
from tests.support.site_network import why_not
from tests.trials.asynchronous import CASES, Loss
from tests.trials.databases import patroni
from tests.trials.faults import nights
from tests.trials.faults.fault import Fault
from tests.trials.faults.nodes import DATABASE_CUT
from tests.trials.installation import Installation, installation
from tests.trials.mailbox import PORT
from tests.trials.network import pause
from tests.trials.trial import Row, let_fail, parts

_WIDTHS = (-46, 6, 6, 5, 8, 6, 13, 10)
_HEADINGS = ("what fails", "doors", "calls", "lost", "missing", "twice", "confirmed (s)", "stored (s)")
_MORNING = ("main: ", "Late: ", "all well")  # how the subjects of morning mails begin
_MAIL_SECONDS = 120.0
_SILENT = ("host node-2 is silent", "Late: host node-2 is silent")  # late: the clock was set before it was sent
_SECOND_MAIL_SECONDS = 25.0  # each node looks every 20 s


def main() -> int:
    """Run it. 1 if anything was lost."""
    options = _options()
    if why := _why_not(options):
        say(f"error: {why}")
        return 3
    clean_up_when_terminated()
    is_whole = not options.short and not options.only
    with installation(options.doors, own_clocks=not options.short, has_patroni=options.patroni) as trial:
        say(row(_HEADINGS, _WIDTHS))
        rows, mails = _whole_trial(trial, options) if is_whole else (_some_faults(trial, options), [])
        losses = [_said(each(trial)) for each in CASES if options.patroni and options.only in ("", "asynchronous")]
    is_good = all(each.is_good for each in rows) and all(count == 1 for count in mails)
    say(f"morning mails: {mails}" if mails else "no mornings")
    found = {"rows": [each.as_json() for each in rows], "mails": mails, "asynchronous": losses, "good": is_good}
    write_json(options.json, found)
    return int(not is_good)


def _why_not(options: argparse.Namespace) -> str:
    if options.patroni and not Path(patroni.PROGRAM).exists():
        return f"{patroni.PROGRAM}: not installed (scripts/trial-nodes --patroni installs it)"
    return why_not()


def _some_faults(trial: Installation, options: argparse.Namespace) -> list[Row]:
    """In real time, and without mornings."""
    every = nights.SHORT if options.short else [fault for night in _nights(options) for fault in night]
    wanted = [fault for fault in every if options.only in fault.name]
    return [_shown(let_fail(trial, fault, doors)) for fault, doors in parts(options.doors, wanted)]


def _whole_trial(trial: Installation, options: argparse.Namespace) -> tuple[list[Row], list[int]]:
    """Each night has its faults, and each morning its mail."""
    trial.desk.engage(*_OFFICE, "--server", f"{trial.desk.machine.address}:{PORT}")
    rows: list[Row] = []
    mails: list[int] = []
    for number, faults in enumerate(_nights(options)):
        _at(trial, number, 22, 0)
        rows += [_shown(let_fail(trial, fault, doors)) for fault, doors in parts(options.doors, faults)]
        mails.append(_morning(trial, number))
    rows.append(_shown(let_fail(trial, *_far_night(trial, mails, options.doors))))
    eventually(lambda: trial.arrived("Over: host node-2 is silent"), "that it is over", _MAIL_SECONDS)
    said = len(trial.arrived(*_SILENT)), len(trial.arrived("Over: host node-2"))
    say(f"alerts about the silent node: {said[0]}, and {said[1]} that it is over")
    return rows, mails


def _nights(options: argparse.Namespace) -> Sequence[Sequence[Fault]]:
    return nights.PATRONI if options.patroni else nights.SCRIPTED


_OFFICE = (
    *("alert", "add", "mail", "office", "--to", "office@example.org", "--from", "doors@example.org"),
    *("--encryption", "none"),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trial-nodes", description=__doc__)
    parser.add_argument("--doors", type=int, default=300, help="how many doors call each night [300]")
    parser.add_argument("--short", action="store_true", help="what CI tries: one part of it, in real time")
    parser.add_argument("--patroni", action="store_true", help="Patroni and etcd decide which database is written to")
    parser.add_argument("--only", default="", metavar="TEXT", help="faults whose name has this text, in real time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _shown(found: Row) -> Row:
    figures = (found.missing, found.twice, f"{found.confirmed_after:.2f}", f"{found.stored_after:.2f}")
    say(row((found.fault, found.doors, found.calls, len(found.lost), *figures), _WIDTHS))
    for note in found.notes:
        say(f"  {note}")
    for door, why in list(found.lost.items())[:3]:
        say(f"  door {door}: {why}")
    return found


def _said(found: Loss) -> dict[str, Any]:
    for sentence in found.sentences():
        say(sentence)
    return asdict(found)


def _at(trial: Installation, night: int, hour: int, minute: int) -> None:
    """Set all clocks to an hour of a night, or of the morning that follows it."""
    day = _FIRST + timedelta(days=night + (hour < 12))
    trial.set_time(day.replace(hour=hour, minute=minute))


_TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_FIRST = _TODAY + timedelta(days=(4 - _TODAY.weekday()) % 7 + 1)  # a Saturday: the second morning is a Monday


def _morning(trial: Installation, night: int) -> int:
    """How many morning mails came. On a Monday there is a line also if all is well."""
    trial.activate_next()
    before = len(_mornings(trial))
    _at(trial, night, 6, 31)
    eventually(lambda: len(_mornings(trial)) > before, "the morning mail", _MAIL_SECONDS)
    pause(_SECOND_MAIL_SECONDS)
    new = _mornings(trial)[before:]
    if len(new) != 1:
        say(f"  mails of one morning: {[str(each['Subject']) for each in new]}")
    return len(new)


def _mornings(trial: Installation) -> list[EmailMessage]:
    """The morning mails so far. An alert that was sent after its clock was set is late, too."""
    alerts = _SILENT[1]
    return [each for each in trial.arrived(*_MORNING) if not str(each["Subject"]).strip().startswith(alerts)]


def _far_night(trial: Installation, mails: list[int], doors: int) -> tuple[Fault, range]:
    """The last night: a node has no database from the evening until after the morning mail."""
    number = len(mails)
    _at(trial, number, 22, 0)

    def cure(trial: Installation) -> None:
        _at(trial, number, 2, 0)
        mails.append(_morning(trial, number))
        mail = _mornings(trial)[-1]
        say(f"  meanwhile: {mail['Subject']}")
        text = str(mail.get_body(("plain",)))
        if "evidence missing" not in str(mail["Subject"]) or "it has not called" in text:
            raise RuntimeError(f"the morning mail does not say what it lacks: {text}")
        eventually(lambda: trial.arrived(*_SILENT), "an alert about the host", _MAIL_SECONDS)
        DATABASE_CUT.cure(trial)

    return Fault(DATABASE_CUT.name, DATABASE_CUT.begin, cure), range(doors)


if __name__ == "__main__":
    sys.exit(main())
