"""``engage site call-in``."""

from dataclasses import replace
from pathlib import Path

import click

from engage_server.as_json.call_faults import call_faults_json
from engage_server.as_json.sites import call_in_json
from engage_server.cli.failing_doors import labels_of, print_faults
from engage_server.cli.output import json_option, print_json, print_next, print_table
from engage_server.cli.parameters import FilePath, site_argument
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.session import Session
from engage_server.cli.site.moved_files import (
    changed_with_files,
    copy_rows,
    moved_json,
    print_moved,
    print_on_the_way,
    remove_shared,
)
from engage_server.cli.site.site_change_output import print_when_followed
from engage_server.errors import UsageError
from engage_server.records import CallIn, CallInWay, Site, UnknownDevices, Upstream
from engage_server.services.access.permissions import Act

_MAX_TRUST_BYTES = 1024 * 1024
_INSECURE = (
    "warning: with insecure_call_in, devices of {site} are also answered by plain HTTP. Anyone between them and this "
    "host can read who may open which door, change it, and invent audits. Devices use TLS once they have the anchor. "
    "This is for firmware that never does."
)


_ANSWERED = {
    CallInWay.FILES: "from files",
    CallInWay.SHARED: "from files that all hosts share",
    CallInWay.UPSTREAM: "by the upstream system",
}


@click.command(
    "call-in",
    cls=AskingCommand,
    acts=[Act.SITE_SEE, Act.SITE_CHANGE],
    epilog="\b\nExamples:\n  engage site call-in north\n      how its devices are answered now\n"
    "  engage site call-in north --files --unknown-devices enroll\n"
    "  engage site call-in north --shared\n"
    "      from files that all hosts share: moves those of this host\n"
    "  engage site call-in north --upstream https://access.example.org/engage --upstream-ca ca.pem\n"
    "  engage site call-in north --insecure-call-in --reason 'readers with old firmware'",
)
@site_argument
@click.option("--files", is_flag=True, help="Answer from the JSON files of each device (engage device import).")
@click.option("--shared", is_flag=True, help="Answer from files that all hosts share in the database.")
@click.option(
    "--remove-shared", "removes_shared", is_flag=True, help="With --files: then remove what the database has."
)
@click.option("--upstream", "url", metavar="URL", help="Pass calls on to your own access-control system.")
@click.option(
    "--upstream-timeout",
    "timeout_seconds",
    type=click.FloatRange(0.1, 120),
    metavar="SECONDS",
    help="How many seconds one call to it may last. [default: 10]",
)
@click.option(
    "--upstream-ca",
    "trust_file",
    type=FilePath,
    metavar="FILE",
    help="PEM file with the certificates that its chain may lead to. [default: those that this machine trusts]",
)
@click.option("--upstream-system-ca", "trusts_system", is_flag=True, help="Trust again what this machine trusts.")
@click.option(
    "--unknown-devices",
    type=click.Choice([str(each) for each in UnknownDevices]),
    help="A device that is on no list gets 404, or is put on the list.",
)
@click.option(
    "--insecure-call-in/--no-insecure-call-in",
    "insecure",
    default=None,
    help="Answer on the plain instance, too, where anyone can listen.",
)
@json_option
@click.pass_obj
def call_in(
    session: Session,
    name: str,
    files: bool,
    shared: bool,
    removes_shared: bool,
    url: str | None,
    timeout_seconds: float | None,
    trust_file: Path | None,
    trusts_system: bool,
    unknown_devices: str | None,
    insecure: bool | None,
    as_json: bool,
) -> None:
    """Show or set how a site's call-ins are answered.

    Devices call in at night, by TLS. With --files, this host answers them from data/NAME/SERIAL/. With --upstream, your
    own system answers; audits and alerts wait on this host until that system has accepted them. Without options, the
    command shows the current setting, and why calls of the last day were not answered.

    With --shared, the database has the files. Each host answers from its own copy of them, also while the database is
    away. This moves the files of this host into the database. --files writes them back to this host. They also stay in
    the database, because other hosts may need them: --remove-shared removes them. If a move was interrupted, run the
    command again.
    """
    from engage_server.services.sites.register import SiteChanges

    is_removed_alone = removes_shared and not files
    if sum(map(bool, (files, shared, url))) > 1 or (trust_file and trusts_system) or is_removed_alone:
        raise UsageError("these options contradict each other", "Give one of the two. --remove-shared needs --files.")
    operator = session.operator_side()
    site = operator.sites.get(name)
    wanted = site.call_in
    if url or timeout_seconds or trust_file or trusts_system:
        wanted = replace(wanted, upstream=_upstream(wanted.upstream, url, timeout_seconds, trust_file, trusts_system))
    if files or shared or url:
        wanted = replace(wanted, way=_way(files=files, shared=shared))
    if unknown_devices:
        wanted = replace(wanted, unknown=UnknownDevices(unknown_devices))
    if insecure is not None:
        wanted = replace(wanted, insecure=insecure)
    is_changed = wanted != site.call_in

    def change() -> Site:
        changes = SiteChanges(call_in=wanted)
        return operator.sites.change(site, changes, session.reason, session.occasion()) if is_changed else site

    site, moved = changed_with_files(session, operator, site, change, to_database=shared, to_files=files)
    if removes_shared:
        remove_shared(session, operator, site, moved)
    _warn(site.name, site.call_in)
    faults = operator.call_faults.recent(site.name, session.now())
    labels = labels_of(operator, site.name, faults)
    if as_json:
        told = {"call_in_faults": call_faults_json(faults, labels), "moved": moved_json(moved)}
        print_json({"site": site.name} | call_in_json(site.call_in) | told)
        return
    waiting = sum(map(len, operator.uploads.pending(name).values()))
    to_database = sum(map(len, operator.uploads.every_pending(name).values())) - waiting
    listed = len(operator.sites.serials(name))
    print_table(["", ""], [*_rows(site.name, site.call_in, listed), *copy_rows(operator, site)], "")
    print_moved(moved)
    _print_waiting(site.call_in, waiting)
    print_on_the_way(site.call_in, to_database)
    print_faults(faults, labels)
    if is_changed:
        print_when_followed(session.settings().poll_seconds)
    _print_what_is_next(site, listed)


def _way(*, files: bool, shared: bool) -> CallInWay:
    if files:
        return CallInWay.FILES
    return CallInWay.SHARED if shared else CallInWay.UPSTREAM


def _upstream(
    before: Upstream | None,
    url: str | None,
    timeout_seconds: float | None,
    trust_file: Path | None,
    trusts_system: bool,
) -> Upstream:
    if url is None and before is None:
        raise UsageError("there is no upstream system yet", "Give its address: --upstream URL.", code="upstream.url")
    changed = before or Upstream("")
    if url is not None:
        changed = replace(changed, url=url.rstrip("/"))
    if timeout_seconds is not None:
        changed = replace(changed, timeout_seconds=timeout_seconds)
    if trusts_system:
        changed = replace(changed, trust_pem="")
    if trust_file is not None:
        changed = replace(changed, trust_pem=_read_trust(trust_file))
    return changed


def _read_trust(file: Path) -> str:
    from engage_server.files import read_file

    try:
        return read_file(file, limit=_MAX_TRUST_BYTES).decode("ascii")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not PEM", "Give certificates as PEM.", code="upstream.trust") from None


def _warn(name: str, call_in: CallIn) -> None:
    if call_in.insecure:
        click.echo(_INSECURE.format(site=name), err=True)
    if call_in.way is CallInWay.UPSTREAM and call_in.upstream is not None and _is_open(call_in.upstream):
        click.echo(
            "warning: the upstream system is called without TLS. Anyone can read the tokens and users of devices.",
            err=True,
        )


def _print_waiting(call_in: CallIn, waiting: int) -> None:
    """A site that is answered from files again still delivers what it took before."""
    if call_in.way is CallInWay.FILES and call_in.upstream is not None and waiting:
        wait = "upload of before waits" if waiting == 1 else "uploads of before wait"
        how = ", without TLS" if _is_open(call_in.upstream) else ""
        click.echo(f"{waiting} {wait} on this host, and will still be delivered to the upstream system{how}")


def _is_open(upstream: Upstream) -> bool:
    return upstream.url.startswith("http:")


def _print_what_is_next(site: Site, listed: int) -> None:
    if site.call_in.unknown is UnknownDevices.REFUSE and not listed:
        click.echo("no device is on its list yet: each gets 404")
        print_next(f"{program()} device import FILE --site {site.name}, or --unknown-devices enroll")
    else:
        print_next(f"{program()} device list --site {site.name}")


def _rows(name: str, call_in: CallIn, listed: int) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("site", name),
        ("call-ins are answered", _ANSWERED[call_in.way]),
        ("on the plain instance", "too (insecure_call_in)" if call_in.insecure else "no: 404"),
        ("devices on its list", listed),
        ("other devices", "get 404" if call_in.unknown is UnknownDevices.REFUSE else "are put on the list"),
    ]
    if call_in.upstream is not None:
        trust = "those of --upstream-ca" if call_in.upstream.trust_pem else "what this machine trusts"
        rows += [
            ("upstream system", call_in.upstream.url),
            ("time for a call", f"{call_in.upstream.timeout_seconds:g} s at most"),
            ("its chain must lead to", trust),
        ]
    return rows
