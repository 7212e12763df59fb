"""``engage chain check``."""

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from engage_server.checks import PROFILES, Circumstances, Severity
from engage_server.checks.case import DEFAULT_WARN_DAYS
from engage_server.checks.reports.result import CheckRun, TargetResult
from engage_server.checks.reports.text_report import Paint, plain, text_report
from engage_server.checks.selection import Selection
from engage_server.cli.chain.check_next import Seen
from engage_server.cli.chain.check_settings import check_settings
from engage_server.cli.output import write_report
from engage_server.cli.parameters import (
    MOST_DAYS,
    FilePath,
    HostType,
    TimeType,
    demo_option,
    profile_of,
    read_passphrase_option,
    read_site_key_option,
    site_key_option,
)
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.cli.standard_input import assert_one_reader, read_standard_input
from engage_server.errors import NotPossible, UsageError
from engage_server.files import read_file
from engage_server.pki.paths.bundle import read_bundle
from engage_server.services.chains.checking import Checker
from engage_server.services.chains.held_files import MAX_FILE_BYTES

_EXAMPLE = """\b
Examples:
  engage chain check certs/main --host locks.example.org
  engage chain check chain.pem --anchor root.der --format sarif --output chain.sarif
  engage chain check fullchain.pem privkey.pem --ignore validity.just_begun --strict
  engage chain check https://locks.example.org --site-key-file site.key
  openssl s_client -showcerts -connect locks.example.org:443 </dev/null | engage chain check -

A target is a folder, a file, - for standard input, or a live host: HOST[:PORT] or https://HOST[:PORT]. A file is PEM,
DER, PKCS#7, PKCS#12, or the .crt of "openssl ca". A private key beside a chain is checked against it. Files of CAs that
are named together with a server certificate are its chain.

CODE is the code of a finding, or its first part, such as validity. To read about one: engage chain explain CODE

Options may be set in the current folder: in [check] of engage.toml, or in [tool.engage-server.check] of pyproject.toml.

Exit status: 0 fine, or only warnings. 1 an error, or a warning with --strict. 2 wrong usage. 3 a target could not be
read.
"""

_FORMATS = ("text", "json", "junit", "sarif", "github")
_PROGRESS_FROM = 50  # targets; fewer are done before anybody waits


@click.command(epilog=_EXAMPLE)
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", shell_complete=completions.files)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="Format of the report."
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option(
    "--output", type=FilePath, metavar="FILE", help="Write the report to this file, whole or not at all. - prints it."
)
@click.option(
    "--profile", metavar="NAME|FILE", help=f"Device limits: {', '.join(PROFILES)}, or a TOML file. [default: any]"
)
@click.option("--host", "hosts", type=HostType(), multiple=True, metavar="HOST", help="A host that devices call.")
@click.option("--anchor", type=FilePath, metavar="FILE", help="The certificate that devices get, PEM or DER.")
@site_key_option
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="For PKCS#12 and encrypted keys. - reads standard input.",
)
@click.option(
    "--http-port", type=click.IntRange(1, 65535), default=80, show_default=True, help="HTTP port of a live host."
)
@click.option("--at", type=TimeType(), metavar="TIME", help="Check validity at this time. [default: now]")
@click.option(
    "--warn-days",
    type=click.IntRange(0, MOST_DAYS),
    help=f"Warn if a certificate ends within this many days. [default: {DEFAULT_WARN_DAYS}]",
)
@click.option("--strict/--no-strict", default=None, help="Count warnings as errors for the exit status.")
@click.option("--ignore", multiple=True, metavar="CODE", help="Leave out findings of this code. Repeat it for each.")
@click.option("--select", multiple=True, metavar="CODE", help="Report only findings of this code. Repeat it for each.")
@demo_option
@click.pass_obj
def check(session: Session, /, targets: tuple[str, ...], form: str, output: Path | None, **options: Any) -> int:
    """Check chains against the limits of devices.

    All findings are reported, not only the first.
    """
    options = _with_settings(session, options)
    assert_one_reader([*targets, options["passphrase_file"], options["site_key_file"]])
    checker = _checker(session, options)
    seen = Seen(options["passphrase_file"], compares_hosts=bool(options["hosts"]), strict=options["strict"])
    found = seen.watching(checker.results(*dict.fromkeys(targets)))
    streams_to_terminal = form == "text" and output is None and sys.stdout.isatty()
    at = checker.at
    run = CheckRun(
        at.now, at.profile.name, at.profile.chain_der_bytes, found if streams_to_terminal else _with_progress(found)
    )
    write_report(_report(run, form, options["strict"], seen, to_terminal=streams_to_terminal), output)
    return _status(run, options["strict"])


def _with_settings(session: Session, options: dict[str, Any]) -> dict[str, Any]:
    """The options. For those that were not given, the settings file counts."""
    settings = check_settings(session)
    usual = {
        "hosts": settings.hosts,
        "profile": settings.profile or "any",
        "anchor": settings.anchor,
        "warn_days": DEFAULT_WARN_DAYS if settings.warn_days is None else settings.warn_days,
        "strict": bool(settings.strict),
        "ignore": settings.ignore,
        "select": settings.select,
    }
    return options | {name: value for name, value in usual.items() if options[name] in (None, ())}


def _checker(session: Session, options: dict[str, Any]) -> Checker:
    at = Circumstances(
        now=options["at"] or session.now(),
        hosts=tuple(dict.fromkeys(options["hosts"])),
        profile=profile_of(options["profile"]),
        warn_within=timedelta(days=options["warn_days"]),
        anchor_certificate=_anchor(options["anchor"]),
    )
    return Checker(
        at,
        read_passphrase_option(session, options["passphrase_file"]),
        read_site_key_option(session, options["site_key_file"], options["demo"]),
        options["http_port"],
        Selection.of(options["ignore"], options["select"]),
        read_standard_input,
    )


def _report(run: CheckRun, form: str, strict: bool, seen: Seen, *, to_terminal: bool) -> Iterator[str]:
    # each form is imported where it is asked for: to write XML takes as long to import as a chain to check
    if form == "json":
        from engage_server.as_json.chain_check import json_report

        return json_report(run)
    if form == "junit":
        from engage_server.checks.reports.junit_report import junit_report

        return junit_report(run, strict=strict)
    if form == "sarif":
        from engage_server.checks.reports.sarif_report import sarif_report

        return sarif_report(run)
    if form == "github":
        from engage_server.checks.reports.github_report import github_report

        return _with_notices(github_report(run), seen)
    if to_terminal:
        width = shutil.get_terminal_size().columns  # COLUMNS, where that is set
        return _text(run, seen, lambda text, style: click.style(text, fg=style), width)
    return _text(run, seen, plain, None)


def _with_notices(report: Iterator[str], seen: Seen) -> Iterator[str]:
    """A report for GitHub, whose last line stays the summary."""
    summary = ""
    for part in report:  # one behind, so that a long report is never in memory as a whole
        yield summary
        summary = part
    yield from (f"::notice title=chain check::{sentence}\n" for sentence in seen.not_compared())
    yield summary


def _text(run: CheckRun, seen: Seen, paint: Paint, width: int | None) -> Iterator[str]:
    yield from text_report(run, paint, width)
    yield from (f"{line}\n" for line in seen.last_lines(run))


def _status(run: CheckRun, strict: bool) -> int:
    if run.unreadable:
        return NotPossible.exit_status
    totals = run.totals()
    return 1 if totals[Severity.ERROR] or (strict and totals[Severity.WARNING]) else 0


def _anchor(file: Path | None) -> Any:
    if file is None:
        return None
    found = read_bundle(read_file(file, limit=MAX_FILE_BYTES), source=str(file)).certificates
    if len(found) != 1:
        raise UsageError(f"{file} holds {len(found)} certificates", "--anchor takes the one that devices get.")
    return found[0]


def _with_progress(results: Iterator[TargetResult]) -> Iterator[TargetResult]:
    """Show progress on a terminal, if the report itself does not."""
    shown = sys.stderr.isatty()
    for number, result in enumerate(results, start=1):
        if shown and number % _PROGRESS_FROM == 0:
            click.echo(f"\r{number} chains checked ...", nl=False, err=True)
        yield result
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)
