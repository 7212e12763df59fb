"""What ``engage link policy`` prints for people, and differences as JSON."""

from collections.abc import Sequence
from typing import Any

import click

from engage_server.cli.output import console, counted, print_next, print_table, print_wrapped
from engage_server.cli.program import program
from engage_server.links.policy.comparison import Difference, Level
from engage_server.links.policy.needs import Policy
from engage_server.links.policy.rules import Action, Direction
from engage_server.links.policy.words import carried, ends

_STYLES = {Level.ERROR: "bold red", Level.WARNING: "yellow"}
_ALL = 1000
FORMAT = "engage-server/site-policy-differences/1"


def print_policy(policy: Policy) -> None:
    """The rules as a table, then what a person should know."""
    rows = [(rule.direction, rule.action, carried(rule), ends(rule, _ALL), rule.why) for rule in policy.rules.rules]
    for direction in Direction:
        what = "everything else" if policy.rules.of(direction) else "everything"
        default = policy.rules.default(direction)
        rows.append((direction, default, what, "anywhere", "counted" if default is Action.DROP else ""))
    print_table(["", "", "what", "other end", "why"], rows, "")
    click.echo()
    print_wrapped(f"Doors of {policy.site} call {policy.window.in_words}; {policy.window.basis}.", "  ")
    for note in policy.notes:
        print_wrapped(f"* {note}", "  ")
    print_next(f"{program()} link policy --site {policy.site} --format nftables")


def print_differences(policy: Policy, found: Sequence[Difference]) -> None:
    """What differs from what a site needs."""
    for each in found:
        console().print(f"{each.level:<8}", style=_STYLES[each.level], end="")
        print_wrapped(f"{each.sentence} [{each.code}]", " " * 8, already=8)
        print_wrapped(f"        next: {each.next_step}", " " * 14)
    if not found:
        click.echo(f"these rules are exactly what site {policy.site} needs")
        print_next("nothing to do")
        return
    counts = [counted(sum(each.level is level for each in found), level.value) for level in Level]
    click.echo(f"site {policy.site}: {', '.join(counts)}")
    print_next(f"{program()} link policy --site {policy.site} --format json")


def differences_json(policy: Policy, found: Sequence[Difference]) -> dict[str, Any]:
    """What differs, for scripts."""
    return {
        "format": FORMAT,
        "site": policy.site,
        "fine": not found,
        "differences": [
            {"level": each.level.value, "code": each.code, "sentence": each.sentence, "next_step": each.next_step}
            for each in found
        ],
    }
