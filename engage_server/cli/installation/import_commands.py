"""``engage import``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engage_server.as_json.vendor import review_json
from engage_server.cli.groups import OrderedGroup
from engage_server.cli.installation.init_command import ensure_settings_file
from engage_server.cli.output import (
    console,
    counted,
    json_option,
    print_json,
    print_next,
    print_table,
    print_wrapped,
    printable,
)
from engage_server.cli.parameters import (
    FilePath,
    demo_option,
    hosts_option,
    read_passphrase_option,
    required_site_key,
    site_key_option,
)
from engage_server.cli.program import program
from engage_server.cli.session import Session, closing, tell_entry
from engage_server.cli.shell import completions
from engage_server.composition.creation import create_installation, only_one_init
from engage_server.composition.remains import assert_not_lost
from engage_server.pki.names import display_name
from engage_server.records import Host, Secret
from engage_server.services.access.permissions import Act
from engage_server.services.vendor.review import VendorReview, review
from engage_server.services.vendor.sample import read_vendor_sample
from engage_server.services.vendor.script import NoticeReading
from engage_server.services.vendor.takeover import TakeoverPlan, prepare_takeover

if TYPE_CHECKING:
    from engage_server.checks import Finding

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@click.group("import", cls=OrderedGroup, order=("vendor",))
def import_group() -> None:
    """Import another server's installation."""


@import_group.command(
    acts=[Act.VENDOR_IMPORT],
    epilog="\b\nExamples:\n"
    "  engage import vendor /opt/API_Server --site-key-file site.key\n      review, and change nothing\n"
    "  engage import vendor /opt/API_Server --site-key-file site.key --apply",
)
@click.argument("folder", type=FilePath)
@click.option("--apply", is_flag=True, help="Import. Without it, nothing is changed.")
@click.option("--site", default="main", show_default=True, metavar="NAME", help="The name of the new site.")
@hosts_option(required=False)
@site_key_option
@demo_option
@click.option(
    "--passphrase-file",
    metavar="FILE",
    shell_complete=completions.files,
    help="Opens the authority's keys. - reads standard input. ENGAGE_PASSPHRASE may hold the passphrase.",
)
@json_option
@click.pass_obj
def vendor(
    session: Session,
    folder: Path,
    apply: bool,
    site: str,
    hosts: tuple[Host, ...],
    site_key_file: str | None,
    demo: bool,
    passphrase_file: str | None,
    as_json: bool,
) -> int:
    """Review the vendor's sample servers, or import them.

    Reports each fault, and finds the certificate that devices really trust. It is the one whose hash under the site key
    is in the scripts.

    An import keeps that anchor, the addresses below /static/Device_Certificates/, and the devices' files in
    Engage_Data. If a chain has faults, it is built again under the same anchor, provided that the anchor's key is in
    the folder.

    The sample is neither run nor changed. Exit status 1 if it has an error and nothing was imported.
    """
    key = required_site_key(session, site_key_file, demo)
    sample = read_vendor_sample(folder, read_passphrase_option(session, passphrase_file))
    found = review(sample, key, tuple(dict.fromkeys(hosts)), session.now())
    if not as_json:
        _print(found)
    done = _apply(session, found, key, site) if apply else []
    if as_json:
        print_json(review_json(found, done))
        return int(bool(found.errors) and not apply)
    for step in done:
        click.echo(step)
    if apply:
        print_wrapped(
            "the authority's keys stay where they are. Rotations need them, servers do not: move them offline.", "  "
        )
        print_next(f"stop the sample's two servers, then {program()} serve. To check: {program()} status")
        return 0
    again = f"{program()} import vendor {folder} --site-key-file FILE --apply"
    print_next(
        again if found.anchor is not None else f"fix what is reported above ({found.no_anchor}), and run this again"
    )
    return int(bool(found.errors))


def _apply(session: Session, found: VendorReview, key: Secret, site: str) -> list[str]:
    occasion = session.occasion()
    plan = TakeoverPlan(found, key, site, session.settings().certs_dir / site)
    prepared = prepare_takeover(plan, occasion)  # refused, it leaves nothing behind
    assert_not_lost(session.settings(), early=True)
    ensure_settings_file(session)
    settings = session.settings()
    with only_one_init(settings):
        done: list[str] = []
        operator = closing(
            create_installation(
                settings, session.environment, session.actor(), tell_entry, done.append, reason=session.reason
            )
        )
        operator.takeover.run(prepared, occasion, done.append)
        return done


def _print(found: VendorReview) -> None:
    sample = found.sample
    for fault in found.faults:
        _print_fault(fault)
    if not found.faults:
        click.echo("no fault was found")
    rows: list[tuple[str, object]] = [
        ("folder", sample.folder),
        ("scripts", ", ".join(each.path.name for each in sample.scripts) or "none"),
        ("devices trust", _anchor_text(found)),
        ("devices call", " ".join(map(str, found.hosts)) or "unknown: give --host"),
        ("devices' files", f"{len(sample.devices.files)}, of {counted(len(sample.devices.serials), 'device')}"),
    ]
    print_table(["", ""], rows, "")
    for sentence in sample.devices.faults:
        print_wrapped(f"not imported: {sentence}", "  ")


def _print_fault(fault: "Finding") -> None:
    console().print(f"{fault.severity:<8}", style=_STYLES[fault.severity], end="")
    where = f"{fault.certificate}: " if fault.certificate else ""
    print_wrapped(printable(f"{fault.code}  {where}{fault.sentence}"), " " * 8, already=8)
    print_wrapped(printable(f"        fix: {fault.mend}"), " " * 10)


def _anchor_text(found: VendorReview) -> str:
    if found.anchor is None:
        return f"not known: {found.no_anchor}"
    what = f"{display_name(found.anchor.subject)} in {found.anchor_name} (the {found.anchor_role} of its chain)"
    if found.is_held:
        return what
    never = found.sample.notices(NoticeReading.RETURNS_NOTHING)
    return f"nothing yet, {'because no notice is sent' if never else 'with this hash'}; intended: {what}"
