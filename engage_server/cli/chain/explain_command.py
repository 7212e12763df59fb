"""``engage chain explain``."""

import textwrap
from collections.abc import Iterator

import click

from engage_server.checks.explained import EXPLANATIONS, Explanation
from engage_server.checks.selection import explained_codes
from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.program import program

_WIDTH = 80

_EXAMPLE = """\b
Examples:
  engage chain explain                        every code, one line each
  engage chain explain path.issuer_not_ca
      what one code means, and what to do
  engage chain explain validity               all codes of one area
"""


@click.command(epilog=_EXAMPLE)
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@json_option
def explain(codes: tuple[str, ...], as_json: bool) -> None:
    """Explain findings: rule, reason, source and fix of each."""
    wanted = dict.fromkeys(each for code in codes for each in explained_codes(code))
    found = [EXPLANATIONS[each] for each in wanted or EXPLANATIONS]
    if as_json:
        print_json([_as_json(each) for each in found])
    elif codes:
        click.echo("\n\n".join("\n".join(_lines(each)) for each in found))
    else:
        print_table(["code", "severity", "rule"], [(each.code, each.severities, each.rule) for each in found], "")
        print_next(f"{program()} chain explain CODE")


def _lines(explained: Explanation) -> Iterator[str]:
    yield f"{explained.code}  {explained.severities}"
    for name, text in (
        ("rule", explained.rule),
        ("why", explained.why),
        ("fix", explained.fix),
        ("source", explained.source),
        ("more", explained.address),
    ):
        yield textwrap.fill(
            text,
            _WIDTH,
            initial_indent=f"  {name:<8}",
            subsequent_indent=" " * 10,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _as_json(explained: Explanation) -> dict[str, str]:
    return {
        "code": explained.code,
        "severity": explained.severity.value,
        "rule": explained.rule,
        "why": explained.why,
        "fix": explained.fix,
        "source": explained.source,
        "page": explained.address,
    }
