"""``scripts/trial-nodes``: three nights, in which each part of an installation with two nodes fails."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.report import clean_up_when_terminated, row, say, write_json
from tests.support.running import eventually
from tests.support.site_network import why_not
from tests.trials.faults import CLOCKS_APART, DATABASE_CUT, EACH_PART, SHORT, Fault
from tests.trials.installation import Installation, installation
from tests.trials.mailbox import PORT
from tests.trials.network import pause
from tests.trials.trial import Row, let_fail, parts

_WIDTHS = (-46, 6, 6, 5, 8, 6, 13, 10)
_HEADINGS = ("what fails", "doors", "calls", "lost", "missing", "twice", "confirmed (s)", "stored (s)")
_MORNING = ("main: ", "Late: ", "all well")  # how the subjects of morning mails begin
_MAIL_SECONDS = 120.0
_SECOND_MAIL_SECONDS = 25.0  # each node looks every 20 s


def main() -> int:
    """Run it. 1 if anything was lost."""
    options = _options()
    if why := why_not():
        say(f"error: {why}")
        return 3
    clean_up_when_terminated()
    nights = [SHORT] if options.short else [EACH_PART[:6], (*EACH_PART[6:], CLOCKS_APART)]
    with installation(options.doors, own_clocks=not options.short) as trial:
        say(row(_HEADINGS, _WIDTHS))
        rows, mails = [], []
        if not options.short:
            trial.desk.engage(*_OFFICE, "--server", f"{trial.desk.machine.address}:{PORT}")
        for number, faults in enumerate(nights):
            _at(trial, number, 22, 0, is_set=not options.short)
            for fault, doors in parts(options.doors, faults):
                rows.append(_shown(let_fail(trial, fault, doors)))
            if not options.short:
                mails.append(_morning(trial, number))
        if not options.short:
            rows.append(_shown(let_fail(trial, *_far_night(trial, mails, options.doors))))
            eventually(lambda: trial.arrived("Over: host node-2 is silent"), "that it is over", _MAIL_SECONDS)
            said = len(trial.arrived("host node-2")), len(trial.arrived("Over: host node-2"))
            say(f"alerts about the silent node: {said[0]}, and {said[1]} that it is over")
    is_good = all(each.is_good for each in rows) and all(count == 1 for count in mails)
    say(f"morning mails: {mails}" if mails else "no mornings")
    write_json(options.json, {"rows": [each.as_json() for each in rows], "mails": mails, "good": is_good})
    return int(not is_good)


_OFFICE = (
    *("alert", "add", "mail", "office", "--to", "office@example.org", "--from", "doors@example.org"),
    *("--encryption", "none"),
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/trial-nodes", description=__doc__)
    parser.add_argument("--doors", type=int, default=300, help="how many doors call each night [300]")
    parser.add_argument("--short", action="store_true", help="four faults, without clocks that are set")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _shown(found: Row) -> Row:
    figures = (found.missing, found.twice, f"{found.confirmed_after:.2f}", f"{found.stored_after:.2f}")
    say(row((found.fault, found.doors, found.calls, len(found.lost), *figures), _WIDTHS))
    for door, why in list(found.lost.items())[:3]:
        say(f"  door {door}: {why}")
    return found


def _at(trial: Installation, night: int, hour: int, minute: int, *, is_set: bool = True) -> None:
    """Set all clocks to an hour of a night, or of the morning that follows it."""
    if is_set:
        day = _FIRST + timedelta(days=night + (hour < 12))
        trial.set_time(day.replace(hour=hour, minute=minute))


_TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_FIRST = _TODAY + timedelta(days=(4 - _TODAY.weekday()) % 7 + 1)  # a Saturday: the second morning is a Monday


def _morning(trial: Installation, night: int) -> int:
    """How many morning mails came. On a Monday there is a line also if all is well."""
    trial.activate_next()
    before = len(trial.arrived(*_MORNING))
    _at(trial, night, 6, 31)
    eventually(lambda: len(trial.arrived(*_MORNING)) > before, "the morning mail", _MAIL_SECONDS)
    pause(_SECOND_MAIL_SECONDS)
    return len(trial.arrived(*_MORNING)) - before


def _far_night(trial: Installation, mails: list[int], doors: int) -> tuple[Fault, range]:
    """The third night: a node has no database from the evening until after the morning mail."""
    _at(trial, 2, 22, 0)

    def cure(trial: Installation) -> None:
        _at(trial, 2, 2, 0)
        mails.append(_morning(trial, 2))
        mail = trial.arrived(*_MORNING)[-1]
        say(f"  meanwhile: {mail['Subject']}")
        text = str(mail.get_body(("plain",)))
        if "evidence missing" not in str(mail["Subject"]) or "it has not called" in text:
            raise RuntimeError(f"the morning mail does not say what it lacks: {text}")
        eventually(lambda: trial.arrived("host node-2 is silent"), "an alert about the host", _MAIL_SECONDS)
        DATABASE_CUT.cure(trial)

    return Fault(DATABASE_CUT.name, DATABASE_CUT.begin, cure), range(doors)


if __name__ == "__main__":
    sys.exit(main())
