"""``engage telekom csr``."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from engage_server.cli.output import json_option, print_json, print_next, print_table, print_wrapped, printable
from engage_server.cli.parameters import FilePath, HostType, read_passphrase_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.errors import UsageError
from engage_server.links.telekom.certificates.organisation import EXAMPLE, Organisation, read_organisation
from engage_server.links.telekom.certificates.profiles import Environment, Profile, Use, profile_for
from engage_server.links.telekom.certificates.renewal import Renewal, renewal_of
from engage_server.links.telekom.certificates.request_files import NewRequest, write_request
from engage_server.links.telekom.certificates.requests import fingerprint, shown_subject, spoken_rows
from engage_server.pki.keys import RSA_KEY_BITS
from engage_server.records import Host, Secret

_EXAMPLE = """\b
Examples:
  engage telekom csr --example > organisation.toml
  engage telekom csr --environment ta --use sign --config organisation.toml telekom
  engage telekom csr --environment pe --use ssl --config organisation.toml --passphrase-file key.passphrase telekom/2029

The folder gets the encrypted key, such as 1_sign_SampleOrg_TA-PrivateKey.pem, and the request, such as
1_sign_SampleOrg_TA.csr. Neither ever replaces a file. The key stays here. Telekom gets the request.

Checked against "openssl req" with the configurations of the document. Never against Telekom.
"""


def _print_example(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(EXAMPLE, nl=False)
        ctx.exit()


@click.command(epilog=_EXAMPLE)
@click.argument("folder", type=FilePath, metavar="DIR")
@click.option(
    "--environment",
    type=click.Choice([str(each) for each in Environment]),
    required=True,
    help="ta: test and approval. pe: production.",
)
@click.option(
    "--use",
    type=click.Choice([str(each) for each in Use]),
    required=True,
    help="sign: signs messages. ssl: the TLS server that Telekom calls.",
)
@click.option(
    "--config",
    type=FilePath,
    required=True,
    metavar="FILE",
    shell_complete=completions.files,
    help="Who asks for the certificate: organisation.toml. --example prints one.",
)
@click.option(
    "--bits",
    type=click.Choice(["2048", "3072", "4096"]),
    default=str(RSA_KEY_BITS),
    show_default=True,
    help="Length of the RSA key.",
)
@click.option(
    "--san",
    type=HostType(),
    multiple=True,
    metavar="HOST",
    help="A name for the subject alternative name. Repeat it for each. For ssl, the common name always comes first.",
)
@click.option("--no-san", is_flag=True, help="No subject alternative name for ssl, exactly as the document has it.")
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Encrypts the key. - reads standard input. ENGAGE_PASSPHRASE may hold it. [default: ask on the terminal]",
)
@click.option(
    "--example",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_example,
    help="Print an organisation.toml with comments, and stop.",
)
@json_option
@click.pass_obj
def csr(session: Session, /, folder: Path, environment: str, use: str, config: Path, **options: Any) -> None:
    """Make a key and a certificate request for Telekom.

    The request has the profile of Annex A of the document. If a certificate of the same kind is in DIR, or in the
    folder of DIR, the command says what the new one changes.
    """
    profile = profile_for(Environment(environment), Use(use))
    organisation = read_organisation(config)
    hosts = _names(profile, organisation, options["san"], none=options["no_san"])
    passphrase = _passphrase(session, options["passphrase_file"])
    new = write_request(folder, profile, organisation, passphrase, bits=int(options["bits"]), hosts=hosts)
    renewed = renewal_of(new.request, profile, (folder, folder.parent))
    if options["as_json"]:
        print_json(_as_json(profile, new, hosts, renewed))
    else:
        _print(folder, config, new, renewed)


def _names(profile: Profile, organisation: Organisation, given: tuple[Host, ...], *, none: bool) -> list[Host]:
    """What the subject alternative name holds: by default the common name for TLS, and nothing for signatures."""
    if none:
        if given:
            raise UsageError("--san and --no-san contradict each other", "Leave out one of them.")
        return []
    first = (organisation.host(profile.environment),) if profile.use is Use.SSL else ()
    return list(dict.fromkeys((*first, *given)))


def _passphrase(session: Session, file: str | None) -> Secret:
    found = read_passphrase_option(session, file)
    if found is not None:
        return found
    if not _is_terminal():
        raise UsageError(
            "the key needs a passphrase, and there is none", "Give --passphrase-file FILE, or - for standard input."
        )
    typed = click.prompt("Passphrase of the new key", hide_input=True, confirmation_prompt=True, err=True)
    return Secret(str(typed).encode())


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _as_json(profile: Profile, new: NewRequest, hosts: list[Host], renewed: Renewal | None) -> dict[str, Any]:
    return {
        "item": profile.sign,
        "environment": profile.environment.value,
        "use": profile.use.value,
        "key_file": str(new.key_file),
        "request_file": str(new.request_file),
        "subject": shown_subject(new.request.subject),
        "alternative_names": [host.text for host in hosts],
        "fingerprint_sha256": fingerprint(new.request),
        "renews": None
        if renewed is None
        else {
            "file": str(renewed.file),
            "not_after": renewed.until.isoformat(),
            "changes": [{"what": each.what, "before": each.before, "after": each.after} for each in renewed.changes],
        },
    }


def _print(folder: Path, config: Path, new: NewRequest, renewed: Renewal | None) -> None:
    click.echo(f"{new.key_file}: the key, encrypted")
    click.echo(f"{new.request_file}: the request")
    print_wrapped(f"subject: {shown_subject(new.request.subject)}", "  ")
    click.echo("fingerprint, SHA-256 of the request's DER, to compare on the telephone:")
    for number, row in enumerate(spoken_rows(fingerprint(new.request)), start=1):
        click.echo(f"  row {number}:  {row}")
    if renewed is not None:
        file = printable(str(renewed.file))
        print_wrapped(f"it renews {file}, valid until {renewed.until:%Y-%m-%d}; what changes:", "  ")
        print_table(["  what", "before", "after"], [(f"  {c.what}", c.before, c.after) for c in renewed.changes], "")
    whole = folder if renewed is None else renewed.file.parent  # a renewal belongs to the set of what it renews
    print_next(
        f"send {new.request_file} to Telekom; keep the key and its passphrase",
        f"{program()} telekom check {shlex.quote(str(whole))} --config {shlex.quote(str(config))}",
    )
