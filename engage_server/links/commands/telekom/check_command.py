"""``engage telekom check``."""

import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from engage_server.checks.case import DEFAULT_WARN_DAYS
from engage_server.checks.finding import Finding, Severity
from engage_server.cli.output import json_option, print_json
from engage_server.cli.parameters import MOST_DAYS, FilePath, TimeType, read_passphrase_option
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import FileNotUsable, UsageError
from engage_server.links.commands.telekom.check_output import check_json, print_check
from engage_server.links.telekom.certificates.organisation import read_organisation
from engage_server.links.telekom.exchange.case import Case
from engage_server.links.telekom.exchange.exchange_set import ExchangeSet
from engage_server.links.telekom.exchange.from_files import ORGANISATION, read_folder
from engage_server.links.telekom.exchange.judging import findings_of, sheet_of
from engage_server.records import Secret

_EXAMPLE = """\b
Examples:
  engage telekom check telekom
  engage telekom check telekom --passphrase-file key.passphrase --warn-days 60 --strict
  engage telekom check --links links.toml --json

DIR holds one file for each item of the exchange sheet. A file's name begins with the item's sign: 1_NAME.pem is your
signature certificate for TA, A_NAME.pem is Telekom's TLS certificate for TA, 5_NAME.url holds a URL, K_NAME a secret.
Folders in DIR are read, too. CAs need no sign. organisation.toml in DIR is used.

Exit status: 0 fine, or only warnings. 1 an error, or a warning with --strict. What is missing is no error.

Checked against OpenSSL. Never against Telekom.
"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", type=FilePath, required=False, metavar="[DIR]")
@click.option(
    "--links",
    "links_file",
    type=FilePath,
    metavar="FILE",
    shell_complete=completions.files,
    help="Check what the table [telekom] of this links.toml names. With DIR, both are read.",
)
@click.option(
    "--config",
    type=FilePath,
    metavar="FILE",
    shell_complete=completions.files,
    help="Compare subjects with this organisation.toml. [default: the one in DIR, or of links.toml]",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Opens the keys in DIR. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@click.option("--at", type=TimeType(), metavar="TIME", help="Check validity at this time. [default: now]")
@click.option(
    "--warn-days",
    type=click.IntRange(0, MOST_DAYS),
    default=DEFAULT_WARN_DAYS,
    show_default=True,
    help="Warn if a certificate ends within this many days.",
)
@click.option("--strict", is_flag=True, help="Count warnings as errors for the exit status.")
@json_option
@click.pass_obj
def check(session: Session, /, folder: Path | None, links_file: Path | None, **options: Any) -> int:
    """Check certificates, keys and endpoints for Telekom.

    Shows the exchange sheet as well: what is there, and who has to send what.
    """
    passphrase = read_passphrase_option(session, options["passphrase_file"])
    found = _found(folder, links_file, options["config"], passphrase)
    at: datetime = options["at"] or session.now()
    case = Case(found, at, timedelta(days=options["warn_days"]))
    findings, sheet = findings_of(case), sheet_of(case)
    if options["as_json"]:
        print_json(check_json(case, sheet, findings))
    else:
        print_check(case, sheet, findings, _again(folder, links_file, options))
    return _status(findings, strict=options["strict"])


def _found(folder: Path | None, links_file: Path | None, config: Path | None, passphrase: Secret | None) -> ExchangeSet:
    """Everything that was named. An organisation that was named counts before one that lies beside the others."""
    if folder is None and links_file is None:
        raise UsageError("there is nothing to check", "Name a folder, or --links FILE.")
    found = ExchangeSet() if config is None else ExchangeSet(organisations=(read_organisation(config),))
    if links_file is not None:
        from engage_server.links.telekom.exchange.from_links import read_links  # only this needs the registry

        found += read_links(links_file)
    if folder is not None:
        if not folder.is_dir():
            raise FileNotUsable(f"{folder}: there is no such folder", "Name the folder with the certificates.")
        found += read_folder(folder, passphrase)
        if (folder / ORGANISATION).exists() and not found.organisations:
            found += ExchangeSet(organisations=(read_organisation(folder / ORGANISATION),))
    return found


def _again(folder: Path | None, links_file: Path | None, options: dict[str, Any]) -> str:
    """What follows ``engage telekom check`` to do it again."""
    named = {"--links": links_file, "--config": options["config"], "--passphrase-file": options["passphrase_file"]}
    words = [str(folder)] if folder else []
    return shlex.join([*words, *(str(word) for option, value in named.items() if value for word in (option, value))])


def _status(findings: tuple[Finding, ...], *, strict: bool) -> int:
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return int(any(each.severity in failing for each in findings))
