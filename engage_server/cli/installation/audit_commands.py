"""``engage audit``."""

import click

from engage_server.as_json.audit_log import entry_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.output import (
    counted,
    json_option,
    print_json,
    print_json_list,
    print_next,
    print_wrapped,
    printable,
)
from engage_server.cli.parameters import Numbered, all_sites_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.records import AuditEntry, AuditFilter
from engage_server.services.access.permissions import Act
from engage_server.services.installation.act_words import act_words


@click.group(
    cls=OrderedGroup,
    order=(
        "show",
        "verify",
    ),
)
def audit() -> None:
    """The audit log: who did what, when, and why."""


@audit.command(
    acts=[Act.AUDIT_SEE],
    epilog="\b\nExamples:\n  engage audit show\n  engage audit show --site main --last 20 --json\n"
    "  engage audit show --limit 100 --before 4201\n      the hundred entries before entry 4201",
)
@all_sites_option
@click.option("--last", "--limit", "last", type=Numbered, metavar="N", help="Only the last N entries.")
@click.option("--before", type=Numbered, metavar="NUMBER", help="Only entries before the one of this number.")
@json_option
@click.pass_obj
def show(session: Session, site: str | None, last: int | None, before: int | None, as_json: bool) -> None:
    """Show what operators did, oldest first.

    To read a long log in parts, newest part first, give --limit and --before with the lowest number of the last part.
    """
    log = session.operator_side().audit
    wanted = AuditFilter(site=site, before=before)
    entries = log.last(last, wanted) if last else log.entries(wanted)
    if as_json:
        print_json_list(entry_json(entry) for entry in entries)
        return
    entry = None
    for entry in entries:
        _print_entry(entry)
    if entry is None:
        click.echo("nothing was done yet" if before is None else f"no such entry comes before entry {before}")
    print_next(f"{program()} audit verify")


@audit.command(
    acts=[Act.AUDIT_SEE],
    epilog="\b\nExamples:\n  engage audit verify\n"
    "  engage audit verify --expect 41:9c1f...\n      an entry that you keep elsewhere is still there\n"
    '  engage audit verify --expect "audit log: entry 41:9c1f..."\n      the same, as it was printed',
)
@click.option(
    "--expect", metavar="NUMBER:HASH", help="An entry as a command printed it. Finds an older database or a cut end."
)
@json_option
@click.pass_obj
def verify(session: Session, expect: str | None, as_json: bool) -> int:
    """Verify that no entry was changed, added or removed.

    Each entry holds the hash of the one before, made with a key that is not in the database. Each command that writes
    an entry prints it on standard error, as "audit log: entry NUMBER:HASH". Keep that line elsewhere: with --expect you
    can then find out whether an older log has replaced this one.

    Exit status 1 when something is wrong.
    """
    verdict = session.operator_side().audit.verify(expect)
    if as_json:
        print_json({"entries": verdict.entries, "head": verdict.head, "faults": list(verdict.faults)})
        return int(bool(verdict.faults))
    for fault in verdict.faults:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {fault}")
    if verdict.faults:
        print_next("restore the database from a backup, and find out who can write to it")
        return 1
    click.echo(f"{counted(verdict.entries, 'entry', 'entries')}, each as it was written, none missing")
    if verdict.entries:
        print_next(f"keep this elsewhere, for a later verify: --expect {verdict.entries}:{verdict.head}")
    return 0


def _print_entry(entry: AuditEntry) -> None:
    """A line that says who did what to which site, and below it the same in words, what changed and why."""
    event = entry.event
    site = f" {event.site}" if event.site else ""
    click.echo(printable(f"{entry.number:>4}  {event.at:%Y-%m-%d %H:%M:%S} UTC  {event.actor}  {event.action}{site}"))
    for name, text in (("", f"{act_words(event)}."), ("", _change(entry)), ("reason: ", event.reason)):
        if text:
            print_wrapped(printable(f"      {name}{text}"), " " * 8)


def _change(entry: AuditEntry) -> str:
    before, after = entry.event.before, entry.event.facts
    changed = [f"{name}: {before[name]} -> {after[name]}" for name in after if name in before]
    rest = [f"{name}: {value}" for name, value in after.items() if name not in before and value]
    gone = [f"{name} was {value}" for name, value in before.items() if name not in after]
    return "; ".join([*changed, *rest, *gone])
