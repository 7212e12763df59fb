"""``engage chain build``."""

from pathlib import Path

import click

from engage_server.as_json.releases import budget_json
from engage_server.cli.byte_bar import print_budget
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import FilePath, hosts_option, read_passphrase_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.pki.issuing import profiles
from engage_server.pki.issuing.authority import ChainPlan
from engage_server.pki.issuing.profiles import Lifetimes
from engage_server.records import Host
from engage_server.services.chains.building import build_chain_folder

_EXAMPLE = """\b
Examples:
  engage chain build certs/north --host north.example.org --host 10.2.0.1
  engage chain build certs/north --host 10.2.0.1 --passphrase-file ca.passphrase --server-days 397

The folder gets partner_CA, partner_intermediate (.pem, .der, .key) and partner_server (.pem, .key).
If the chain would not fit into 4096 bytes, nothing is written and the exit status is 2.
"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", type=FilePath, metavar="DIR")
@hosts_option(required=True)
@click.option(
    "--organization",
    default="",
    metavar="NAME",
    help="Organization (O=) in all three certificates. It is stored six times, so keep it short.",
)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Encrypt the keys of root and intermediate. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@click.option(
    "--root-days", type=int, metavar="N", help=f"Lifetime of the root. [default: {profiles.DEFAULT_ROOT_DAYS}]"
)
@click.option(
    "--intermediate-days",
    type=int,
    metavar="N",
    help=f"Lifetime of the intermediate certificate. [default: {profiles.DEFAULT_INTERMEDIATE_DAYS}]",
)
@click.option(
    "--server-days",
    type=int,
    metavar="N",
    help=f"Lifetime of the server certificate. [default: {profiles.DEFAULT_SERVER_DAYS}]",
)
@json_option
@click.pass_obj
def build(
    session: Session,
    folder: Path,
    hosts: tuple[Host, ...],
    organization: str,
    passphrase_file: str | None,
    root_days: int | None,
    intermediate_days: int | None,
    server_days: int | None,
    as_json: bool,
) -> None:
    """Build a chain that fits into a device.

    The folder must be new or empty.
    """
    passphrase = read_passphrase_option(session, passphrase_file)
    now = session.now()
    plan = ChainPlan(
        tuple(dict.fromkeys(hosts)),
        organization,
        Lifetimes(root_days, intermediate_days, server_days),
        label=str(now.year),
    )
    built, budget = build_chain_folder(folder, plan, now, passphrase)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "hosts": [host.text for host in plan.hosts],
                "budget": budget_json(budget),
                "not_after": {built.chain.role_of(c): c.not_valid_after_utc.isoformat() for c in built.chain},
                "authority_keys_encrypted": passphrase is not None,
            }
        )
        return
    print_budget(budget)
    for certificate in built.chain:
        role = built.chain.role_of(certificate)
        click.echo(f"{role:<13} valid until {certificate.not_valid_after_utc:%Y-%m-%d}")
    if passphrase is None:
        click.echo("the keys of root and intermediate are not encrypted: use --passphrase-file FILE")
    print_next(f"{program()} release stage {folder} --site NAME")
