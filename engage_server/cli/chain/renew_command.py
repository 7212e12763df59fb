"""``engage chain renew``."""

from pathlib import Path

import click

from engage_server.as_json.releases import budget_json
from engage_server.cli.byte_bar import print_budget
from engage_server.cli.output import json_option, print_json, print_next
from engage_server.cli.parameters import FilePath, hosts_option, read_passphrase_option
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.shell import completions
from engage_server.pki.byte_budget import measure
from engage_server.records import Host, RotationWay
from engage_server.services.chains.authority import find_authority
from engage_server.services.chains.building import build_successors
from engage_server.services.chains.folder import read_chain_folder


@click.command(
    epilog="\b\nExamples:\n  engage chain renew new --from certs/main --way server-renewal --host locks.example.org\n"
    "  engage chain renew main-2027 --from /media/safe/main --way linked-rekey --host locks.example.org "
    "--passphrase-file ca.passphrase"
)
@click.argument("folder", type=FilePath, metavar="DIR")
@click.option("--from", "source", type=FilePath, required=True, metavar="DIR", help="The chain that is served now.")
@click.option(
    "--way", type=click.Choice([str(way) for way in RotationWay]), required=True, help="How the new chain follows it."
)
@hosts_option(required=True)
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Opens the CAs' keys, and encrypts new ones. - reads standard input. ENGAGE_PASSPHRASE may hold it.",
)
@json_option
@click.pass_obj
def renew(
    session: Session,
    folder: Path,
    source: Path,
    way: str,
    hosts: tuple[Host, ...],
    passphrase_file: str | None,
    as_json: bool,
) -> None:
    """Build a rotation's chains on the authority's machine.

    The servers then never see the authority's keys. Copy the folder to a server and start the rotation there: engage
    rotate start --prepared DIR. The folder also holds the private keys of new CAs. Remove them first, because a
    server does not need them.
    """
    passphrase = read_passphrase_option(session, passphrase_file)
    current = read_chain_folder(source, passphrase).chain
    found = find_authority(source, current, passphrase)
    successors = build_successors(
        folder, RotationWay(way), current, found.keys, tuple(dict.fromkeys(hosts)), session.now(), passphrase
    )
    if as_json:
        chains = {each.title: budget_json(measure(each.chain)) for each in successors}
        print_json({"folder": str(folder), "way": way, "chains": chains})
        return
    for each in successors:
        click.echo(f"{folder / each.title}:")
        print_budget(measure(each.chain))
    print_next(f"on a server: {program()} rotate start --way {way} --prepared {folder}")
