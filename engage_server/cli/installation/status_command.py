"""``engage status``."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from engage_server.as_json.alert_recipients import alert_standing_json
from engage_server.as_json.backups import backup_standing_json
from engage_server.as_json.call_faults import call_faults_json
from engage_server.as_json.disk import disk_json
from engage_server.as_json.status import status_json
from engage_server.cli.alerts.standing_output import print_alerts
from engage_server.cli.backup.standing_output import next_of_backups, print_backups
from engage_server.cli.failing_doors import labels_of, print_last_fault, print_refusing, strangers_of, who_calls
from engage_server.cli.installation.disk_status import print_disk
from engage_server.cli.installation.unserved_sites import next_of_unserved
from engage_server.cli.output import (
    console,
    counted,
    json_option,
    print_json,
    print_next,
    print_wrapped,
    title_mark,
    trials_mark,
)
from engage_server.cli.parameters import all_sites_option
from engage_server.cli.process.asking import AskingCommand
from engage_server.cli.program import program
from engage_server.cli.rotate.rotate_output import print_approvals, print_progress
from engage_server.cli.session import Session
from engage_server.cli.watching import watch, watch_option
from engage_server.records import CLOCK_OFF_SECONDS, Grade
from engage_server.services.access.permissions import Act
from engage_server.services.evidence.callers import one_address_words
from engage_server.services.installation.overview import (
    INSTANCES,
    CertificateStatus,
    InstallationStatus,
    SiteStatus,
    old_copy,
)
from engage_server.services.site_path.standing import PathState, SitePath
from engage_server.services.site_path.words import state_words

if TYPE_CHECKING:
    from engage_server.composition.operator_side import OperatorSide

_STYLES = {"fine": "green", "soon": "yellow", "late": "bold red", "expired": "bold red"}
_WORDS = {
    Grade.NEVER_SEEN: "never seen with it",
    Grade.NOTICE: "asked for the notice",
    Grade.CERTIFICATE: "downloaded the anchor",
    Grade.HANDSHAKE: "finished TLS",
    Grade.AUTHENTICATED: "proved itself",
}
_PATH_STYLES = {PathState.CUT: "bold red", PathState.DEGRADED: "yellow"}
_LATE_SHOWN = timedelta(days=1)
_LINE = 20
_LINE_DAYS = 3653
_LEGEND = "line: a mark is half a year, from today on; | is the last safe day to start"


@click.command(
    cls=AskingCommand,
    acts=[Act.STATUS_SEE],
    epilog="\b\nExamples:\n  engage status\n  engage status --site north\n  engage status --watch\n"
    "  engage status --json",
)
@all_sites_option
@watch_option
@json_option
@click.pass_obj
def status(session: Session, site: str | None, watching: bool, as_json: bool) -> int:
    """Show all sites: releases, expiry, devices and workers.

    Exit status 1 when somebody should act today:

    There is no site. One of the two device instances has no worker, or a worker is silent or does not serve the current
    release. A site serves nothing. Its doors refuse what it serves: they hold another anchor, or call a host that is
    not in its certificate. A certificate has expired, or its last safe day to start a rotation has passed. A host went
    silent without a sign-off. The disk has no room for what devices send. A nightly backup, or its drill, has not
    succeeded for more than 26 hours. The copy of shared files on a host is old.
    """
    operator = session.operator_side()
    only = operator.sites.get(site).name if site is not None else None
    if watching:
        watch(lambda: _report(session, operator, only, as_json=False), as_json=as_json)
    return _report(session, operator, only, as_json=as_json)


def _report(session: Session, operator: "OperatorSide", only: str | None, *, as_json: bool) -> int:
    """Look once at one site or all, and print what is found; the exit status."""
    occasion = session.occasion()
    found = operator.overview.look(occasion, lambda name: only in (None, name))
    disk = operator.disk.look([site.site.name for site in found.sites])
    from engage_server.serving.operators.exposition import open_circuits  # heavy, and only of use here

    circuits = [name for name in open_circuits(session.settings().metrics_dir) if only in (None, name)]
    uploads = {site.site.name: operator.uploads.counts(site.site.name) for site in found.sites}
    faults = {site.site.name: operator.call_faults.recent(site.site.name, occasion.now) for site in found.sites}
    labels = {site: labels_of(operator, site, some) for site, some in faults.items()}
    backups = operator.backup_standing(occasion.now)
    alerts = operator.alert_standing()
    balancer = operator.balancers_address(occasion.now)
    bad = found.needs_attention or disk.is_full or backups.needs_attention
    if as_json:
        of_calls = {site: call_faults_json(some, labels[site]) for site, some in faults.items()}
        more = {
            "disk": disk_json(disk),
            "circuits_open": circuits,
            "call_in_faults": of_calls,
            "backups": backup_standing_json(backups),
            "alerts": alert_standing_json(alerts),
            "one_address": balancer,
        }
        print_json(status_json(found, occasion.now, uploads) | more)
        return int(bad)
    for site in found.sites:
        _print_site(site, occasion.now, uploads[site.site.name])
    if not found.sites:
        click.echo("there is no site yet")
    if any(site.certificates for site in found.sites):
        click.echo(_LEGEND)
    hosts = len({each.host for each in found.workers})
    serve = "serves" if len(found.workers) == 1 else "serve"
    click.echo(f"{counted(len(found.workers), 'worker')} on {counted(hosts, 'host')} {serve} devices")
    _print_missing(found)
    _print_clocks(found, occasion.now)
    _print_old_copies(found)
    for site_name in circuits:
        print_wrapped(f"{site_name}: call-ins are not passed on, because its upstream system does not answer", "  ")
    for site_name, some in faults.items():
        print_last_fault(site_name, some, labels[site_name])
    print_disk(disk)
    print_backups(backups)
    print_alerts(alerts)
    if balancer:
        print_wrapped(one_address_words(balancer), "  ")
    for gap in found.gaps:
        print_wrapped(f"the evidence may not be complete: {gap}", "  ")
    is_next = backups.needs_attention and not found.needs_attention
    print_next(next_of_backups() if is_next else _next(found, partial(next_of_unserved, session, operator)))
    return int(bad)


def _print_site(status: SiteStatus, now: datetime, uploads: tuple[int, int]) -> None:
    out = console()
    out.print(status.site.name, style="bold", end="")
    served = f"release {status.current.number}" if status.current else "nothing is served yet"
    marks = title_mark(status.site) + (" (default)" if status.site.is_default else "") + trials_mark(status.site)
    name = status.site.name
    print_wrapped(f"{marks}: {served}, {' '.join(map(str, status.site.hosts))}", "    ", already=len(name))
    if status.certificates:
        columns = f"{'certificate':<13} {'ten years':<{_LINE}}  days left  until       start by"
        out.print(f"  {columns}", style="bold")
    for certificate in status.certificates:
        _print_certificate(certificate, now)
    for host in status.unanswered:
        out.print("  not answered: ", style="bold red", end="")
        click.echo(f"the certificate is not for {host}: devices that call it refuse TLS")
    _print_other_hosts(status)
    _print_grades(status)
    if status.reception is not None and status.reception.strangers:
        click.echo(f"  {strangers_of(status.reception)}")
    if status.reception is not None and status.refuse:
        out.print("  refused: ", style="bold red", end="")
        print_refusing(status.reception, "refuse", already=len("  refused: "))
    pace = counted(status.pace.time.days, "day")
    print_wrapped(f"  pace: {pace} until nearly all devices have called ({status.pace.basis})", "    ")
    if status.path is not None:
        _print_path(status.path)
    if any(uploads):
        print_wrapped(
            f"  upstream system: {counted(uploads[0], 'upload')} of this host wait for it; it rejected {uploads[1]}",
            "    ",
        )
    for worker in status.behind:
        why = worker.trouble.get(status.site.name, "it has not looked yet")
        out.print("  behind: ", style="bold red", end="")
        click.echo(f"{worker.worker} serves release {worker.served.get(status.site.name, 'none')}: {why}")
    _print_rotation(status)
    click.echo("")


def _print_rotation(status: SiteStatus) -> None:
    """The open rotation. Of one that has ended only this, as long as it matters: that somebody approved it alone."""
    if status.rotation is not None:
        print_progress(status.rotation)
    if status.approved_alone is not None:
        print_approvals(status.approved_alone)


def _print_path(path: SitePath) -> None:
    """What links say. It says nothing about a door."""
    console().print("  path: ", style=_PATH_STYLES.get(path.state, ""), end="")
    print_wrapped(state_words(path), "    ", already=8)


def _print_grades(status: SiteStatus) -> None:
    total = sum(status.grades.values())
    if total and status.current is None:
        click.echo(f"  {counted(total, 'device')}, and nothing is served yet")
    elif total:
        grades = ", ".join(
            f"{status.grades[grade]} {_WORDS[grade]}"
            for grade in sorted(status.grades, reverse=True)
            if status.grades[grade]
        )
        print_wrapped(f"  {counted(total, 'device')}: {grades}", "    ")
    else:
        click.echo("  no device was seen or added yet")


def _print_missing(found: InstallationStatus) -> None:
    """Instances without a worker while the other one has some, and silent workers."""
    for listener in found.missing_listeners if found.workers else ():
        console().print("  missing: ", style="bold red", end="")
        click.echo(f"no worker of {INSTANCES[listener]} is alive, so devices cannot come through")
    for worker in found.silent_workers:
        console().print("  silent: ", style="bold red", end="")
        click.echo(f"{worker.worker} went silent without a sign-off")


def _print_old_copies(found: InstallationStatus) -> None:
    for host, since in found.old_copies.items():
        console().print("  old copy: ", style="bold red", end="")
        click.echo(f"{old_copy(host, since)}. Devices get older files there. Read its log")


def _print_clocks(found: InstallationStatus, now: datetime) -> None:
    """Workers that missed the moment of an activation of the last day, and hosts whose clock is off."""
    for worker in found.late_workers(now - _LATE_SHOWN):
        console().print("  late: ", style="yellow", end="")
        sentence = (
            f"{worker.worker} began {worker.late_seconds:.1f} s after the others, at {worker.switched_at:%H:%M} UTC"
        )
        print_wrapped(sentence, "    ", already=8)
    for host, offset in found.clock_offsets.items():
        if abs(offset) > CLOCK_OFF_SECONDS:
            console().print("  clock: ", style="bold red", end="")
            way = "ahead of" if offset > 0 else "behind"
            sentence = f"{host} is {abs(offset):.1f} s {way} the database. What its devices did has the wrong time."
            print_wrapped(sentence, "    ", already=9)


def _print_other_hosts(status: SiteStatus) -> None:
    """Doors that call a host that is not the site's, such as one that was removed."""
    for each in status.other_hosts:
        is_refused = each.host in status.refused_hosts
        console().print("  other host: ", style="bold red" if is_refused else "yellow", end="")
        then = "the certificate is not for it: they refuse TLS" if is_refused else "the next certificate is not for it"
        click.echo(f"{each.host} is no host of {status.site.name}. {who_calls(each)} {then[0].upper()}{then[1:]}.")


def _print_certificate(certificate: CertificateStatus, now: datetime) -> None:
    """A row with a time line of ten years: what is left of them, and where the rotation has to begin."""
    expiry = certificate.expiry
    days = expiry.days_left(now)
    cells = max(0, min(_LINE, round(days * _LINE / _LINE_DAYS)))
    begins = round((certificate.last_safe_start - now).total_seconds() / 86400 * _LINE / _LINE_DAYS)
    length = max(1, cells)
    line = "".join("|" if cell == max(0, min(begins, length - 1)) else "-" for cell in range(length))
    out = console()
    click.echo(f"  {expiry.role:<13}", nl=False)
    out.print(f" {line:<{_LINE}}", style=_STYLES[certificate.urgency], end="")
    click.echo(f"  {days:>9.0f}  {expiry.not_after:%Y-%m-%d}  {certificate.last_safe_start:%Y-%m-%d}", nl=False)
    out.print("" if certificate.urgency == "fine" else f" {certificate.urgency}", style=_STYLES[certificate.urgency])


def _next(found: InstallationStatus, of_unserved: Callable[[SiteStatus], str]) -> str:
    """The first thing to do: what most devices wait for."""
    if not found.sites:
        return f"{program()} init"
    for site in found.sites:
        if site.current is None:
            return of_unserved(site)
    if not found.workers and not found.silent_hosts and not found.left_spools:
        return f"no worker serves devices. Start the servers: {program()} serve"
    if found.workers and found.missing_listeners:
        return f"{program()} serve {found.missing_listeners[0]}, or look at its log"
    for site in found.sites:
        if (site.is_due or any(each.urgency != "fine" for each in site.certificates)) and site.rotation is None:
            return f"{program()} rotate plan --site {site.site.name}"
    if found.silent_hosts or found.silent_workers or found.left_spools:
        return f"{program()} host list"
    return _next_of_served(found)


def _next_of_served(found: InstallationStatus) -> str:
    for site in found.sites:
        if site.is_cut:
            return f"{program()} tonight --site {site.site.name}"
        if site.behind:
            return f"read the log of {site.behind[0].worker}. How far each worker is: {program()} status --json"
        if site.rotation is not None:
            return f"{program()} rotate status --site {site.site.name}"
    return f"{program()} device list --site {_default(found).site.name} --troubled"


def _default(found: InstallationStatus) -> SiteStatus:
    return next((site for site in found.sites if site.site.is_default), found.sites[0])
